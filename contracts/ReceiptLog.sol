// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {IPartyRegistry, PROPOSAL_LIFE} from "./IPartyRegistry.sol";
import {IReceiptLog} from "./IReceiptLog.sol";
import {Rfc6962} from "./Rfc6962.sol";
import {RoleBook} from "./RoleBook.sol";

/// @title Receipt log checkpoints, consistency checked on chain
/// @notice What it promises stands in `IReceiptLog`.
contract ReceiptLog is IReceiptLog, RoleBook {
    /// @dev One slot. `until` is the last second at which it can be confirmed.
    struct Proposal {
        address proposer;
        uint40 until;
    }

    /// @dev Time << 96 | epoch << 64 | size in one word, read and written whole; the root has the other.
    uint256 private _head;
    bytes32 private _root;
    mapping(bytes32 proposal => Proposal) private _proposals;

    constructor(IPartyRegistry partyRegistry) RoleBook(partyRegistry) {
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
        if (roleOf[msg.sender] != IPartyRegistry.Role.Operator) revert NotOperator(msg.sender);
        (bytes32 root, uint256 last) = (_root, _head);
        if (prevSize != uint64(last) || prevRoot != root) revert StaleHead(uint64(last), root);
        if (newSize <= prevSize) revert NotAdvancing(prevSize, newSize);
        if (!Rfc6962.isConsistent(prevSize, prevRoot, newSize, newRoot, proof)) revert InconsistentProof();
        uint32 epoch = uint32(last >> 64);
        _setHead(newRoot, newSize, epoch);
        emit CheckpointAppended(newRoot, newSize, epoch);
    }

    /// @inheritdoc IReceiptLog
    /// @dev A proposal is bound to the epoch that it would start; when one starts, all the others lapse.
    function startEpoch(uint64 size, bytes32 root) external override {
        if (!registry.isAdmin(msg.sender)) revert NotAdmin(msg.sender);
        if (root == 0 || (size == 0) != (root == Rfc6962.EMPTY_ROOT)) revert InvalidHead(size, root);
        uint32 epoch = uint32(_head >> 64) + 1;
        bytes32 proposal = keccak256(abi.encode(epoch, size, root));
        Proposal memory open = _proposals[proposal];
        if (open.proposer == address(0) || block.timestamp > open.until) {
            uint40 until = uint40(block.timestamp) + PROPOSAL_LIFE;
            _proposals[proposal] = Proposal({proposer: msg.sender, until: until});
            emit EpochProposed(epoch, size, root, msg.sender, until);
            return;
        }
        if (open.proposer == msg.sender) revert SecondPersonRequired(msg.sender);
        delete _proposals[proposal];
        _setHead(root, size, epoch);
        emit EpochStarted(root, size, epoch, open.proposer, msg.sender);
    }

    /// @inheritdoc IReceiptLog
    function head() external view override returns (uint64 size, bytes32 root, uint32 epoch, uint40 time) {
        uint256 last = _head;
        return (uint64(last), _root, uint32(last >> 64), uint40(last >> 96));
    }

    /// @inheritdoc IReceiptLog
    function isConsistent(
        uint64 prevSize,
        bytes32 prevRoot,
        uint64 newSize,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) external view override returns (bool) {
        return Rfc6962.isConsistent(prevSize, prevRoot, newSize, newRoot, proof);
    }

    function _setHead(bytes32 root, uint64 size, uint32 epoch) private {
        _root = root;
        _head = (block.timestamp << 96) | (uint256(epoch) << 64) | size;
    }
}
