// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {IPartyRegistry} from "./IPartyRegistry.sol";
import {IReceiptLog} from "./IReceiptLog.sol";
import {Rfc6962} from "./Rfc6962.sol";

/// @title Receipt log checkpoints, consistency checked on chain
/// @notice What it promises stands in `IReceiptLog`.
contract ReceiptLog is IReceiptLog {
    /// @dev One slot. Epochs count from 1, so epoch 0 means "no checkpoint".
    struct Checkpoint {
        uint64 size;
        uint32 epoch;
        uint40 time;
    }

    /// @notice Where operators and administrators stand.
    IPartyRegistry public immutable registry;

    /// @dev The head's size, epoch and time are those of its checkpoint, so they are kept once only.
    bytes32 private _root;
    mapping(bytes32 root => Checkpoint) private _checkpoints;
    mapping(bytes32 proposal => address proposer) private _proposers;

    constructor(IPartyRegistry partyRegistry) {
        registry = partyRegistry;
        _setHead(Rfc6962.EMPTY_ROOT, 0, 1);
    }

    /// @inheritdoc IReceiptLog
    function append(
        uint64 prevSize,
        bytes32 prevRoot,
        uint64 newSize,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) external override {
        if (!registry.isActive(msg.sender, IPartyRegistry.Role.Operator)) revert NotOperator(msg.sender);
        bytes32 root = _root;
        Checkpoint memory last = _checkpoints[root];
        if (prevSize != last.size || prevRoot != root) revert StaleHead(last.size, root);
        if (newSize <= prevSize) revert NotAdvancing(prevSize, newSize);
        if (!Rfc6962.isConsistent(prevSize, prevRoot, newSize, newRoot, proof)) revert InconsistentProof();
        uint40 time = _setHead(newRoot, newSize, last.epoch);
        emit CheckpointAppended(last.epoch, prevSize, newSize, newRoot, time);
    }

    /// @inheritdoc IReceiptLog
    /// @dev A proposal is bound to the epoch that it would start; when one starts, all the others lapse.
    function startEpoch(uint64 size, bytes32 root) external override {
        if (!registry.isAdmin(msg.sender)) revert NotAdmin(msg.sender);
        if (root == 0 || (size == 0) != (root == Rfc6962.EMPTY_ROOT)) revert InvalidHead(size, root);
        uint32 epoch = _checkpoints[_root].epoch + 1;
        bytes32 proposal = keccak256(abi.encode(epoch, size, root));
        address proposer = _proposers[proposal];
        if (proposer == msg.sender) revert SecondPersonRequired(msg.sender);
        if (proposer == address(0)) {
            _proposers[proposal] = msg.sender;
            emit EpochProposed(epoch, size, root, msg.sender);
            return;
        }
        delete _proposers[proposal];
        uint40 time = _setHead(root, size, epoch);
        emit EpochStarted(epoch, size, root, proposer, msg.sender, time);
    }

    /// @inheritdoc IReceiptLog
    function head() external view override returns (uint64 size, bytes32 root, uint32 epoch, uint40 time) {
        root = _root;
        Checkpoint storage checkpoint = _checkpoints[root];
        return (checkpoint.size, root, checkpoint.epoch, checkpoint.time);
    }

    /// @inheritdoc IReceiptLog
    function isCheckpoint(uint64 size, bytes32 root) external view override returns (bool) {
        Checkpoint storage checkpoint = _checkpoints[root];
        return checkpoint.epoch != 0 && checkpoint.size == size;
    }

    /// @inheritdoc IReceiptLog
    function checkpointOf(bytes32 root) external view override returns (uint64 size, uint32 epoch, uint40 time) {
        Checkpoint storage checkpoint = _checkpoints[root];
        return (checkpoint.size, checkpoint.epoch, checkpoint.time);
    }

    /// @inheritdoc IReceiptLog
    function isConsistent(
        uint64 prevSize,
        bytes32 prevRoot,
        uint64 newSize,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) external pure override returns (bool) {
        return Rfc6962.isConsistent(prevSize, prevRoot, newSize, newRoot, proof);
    }

    function _setHead(bytes32 root, uint64 size, uint32 epoch) private returns (uint40 time) {
        time = uint40(block.timestamp);
        _root = root;
        _checkpoints[root] = Checkpoint({size: size, epoch: epoch, time: time});
    }
}
