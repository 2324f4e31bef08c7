// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

/// @title Checkpoints of the receipt log
/// @notice The log's RFC 6962 tree heads. The chain itself checks the consistency proof from each head to
/// the next, so no operator can anchor a log that drops or rewrites a receipt.
/// @dev A consistency proof does not bind the new size: a size that is off by a little can pass with a right
/// root, and then no later proof fits. So a size is checked locally before it is sent, and two administrators
/// can start a new epoch from a stated head: visible to all as an event, and in the epoch number for ever.
/// Only the present head is kept in storage. A slot for each checkpoint cost 22,100 gas, a third of the whole; an
/// event says the same and cannot be taken back either.
interface IReceiptLog {
    /// @notice The operator advanced the log to `size` leaves; `root` is the tree's head over them. These events are
    /// the record of the heads before the present one: they are found by their root, and the block has the time.
    event CheckpointAppended(bytes32 indexed root, uint64 size, uint32 epoch);
    /// @notice An administrator asked for epoch `epoch` to start at this head; it can be confirmed up to `until`.
    event EpochProposed(uint32 indexed epoch, uint64 size, bytes32 root, address proposer, uint40 until);
    /// @notice Two administrators set the head without a proof. Epoch 1 starts empty, without this event.
    event EpochStarted(bytes32 indexed root, uint64 size, uint32 epoch, address proposer, address approver);

    /// @notice The caller is not the current account of an active operator.
    error NotOperator(address caller);
    /// @notice The caller is no administrator of the registry.
    error NotAdmin(address caller);
    /// @notice The log stands at another head than the caller believed.
    error StaleHead(uint64 size, bytes32 root);
    /// @notice The new size is not larger.
    error NotAdvancing(uint64 prevSize, uint64 newSize);
    /// @notice The proof does not lead from the old head to the new one.
    error InconsistentProof();
    /// @notice Size zero and the empty tree's root go together, and the zero root is none.
    error InvalidHead(uint64 size, bytes32 root);
    /// @notice An epoch needs two different administrators.
    error SecondPersonRequired(address admin);

    /// @notice Advances the log from the head that the caller believes in to a larger one.
    /// @param prevSize size of the present head
    /// @param prevRoot root of the present head
    /// @param newSize size of the new head
    /// @param newRoot root of the new head
    /// @param proof RFC 6962 section 2.1.2 consistency proof from prevSize to newSize
    function append(
        uint64 prevSize,
        bytes32 prevRoot,
        uint64 newSize,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) external;

    /// @notice Sets the head without a proof, in a new epoch: the way out when a wrong size has jammed the log.
    /// The first administrator's call proposes, another's call with the same head within seven days carries it out.
    function startEpoch(uint64 size, bytes32 root) external;

    /// @notice The present head; `time` (s) is that of its checkpoint.
    function head() external view returns (uint64 size, bytes32 root, uint32 epoch, uint40 time);

    /// @notice The check that `append` makes, for whoever wants to try a proof first.
    function isConsistent(
        uint64 prevSize,
        bytes32 prevRoot,
        uint64 newSize,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) external view returns (bool);
}
