// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IGrants} from "./IGrants.sol";
import {IPartyRegistry} from "./IPartyRegistry.sol";
import {RoleBook} from "./RoleBook.sol";

/// @title Grants signed by a key of their own
/// @notice What it promises stands in `IGrants`.
contract Grants is IGrants, RoleBook, EIP712 {
    /// @dev One slot exactly. `flags` is a `Status` in the low bits and the suspension in the top bit.
    struct Slot {
        address key;
        uint40 notBefore;
        uint40 notAfter;
        uint8 flags;
        uint8 seq;
    }

    bytes32 private constant GRANT_TYPEHASH =
        keccak256("Grant(address key,bytes32 terms,bytes32 binding,uint40 notBefore,uint40 notAfter)");
    bytes32 private constant CHANGE_TYPEHASH = keccak256("Change(bytes32 grant,uint8 status,uint8 seq)");
    uint8 private constant SUSPENDED = 0x80;
    uint8 private constant STATUS_MASK = 0x7f;

    mapping(bytes32 id => Slot) private _grants;

    constructor(IPartyRegistry partyRegistry) RoleBook(partyRegistry) EIP712("mydata Grants", "1") {}

    /// @inheritdoc IGrants
    function register(Grant calldata grant_, bytes calldata signature) external override returns (bytes32 id) {
        id = grantDigest(grant_);
        if (_grants[id].key != address(0)) revert AlreadyRegistered(id);
        if (grant_.notAfter <= grant_.notBefore) revert InvalidWindow(grant_.notBefore, grant_.notAfter);
        _requireSigner(id, signature, grant_.key);
        _grants[id] = Slot({
            key: grant_.key,
            notBefore: grant_.notBefore,
            notAfter: grant_.notAfter,
            flags: uint8(Status.Active),
            seq: 0
        });
        emit GrantRegistered(id, grant_.terms, grant_.binding);
    }

    /// @inheritdoc IGrants
    function change(bytes32 id, Status status, uint8 seq, bytes calldata signature) external override {
        Slot memory slot = _load(id);
        if (seq != slot.seq) revert WrongSequence(slot.seq);
        Status from = _statusOf(slot);
        bool allowed = (from == Status.Active && (status == Status.Paused || status == Status.Revoked))
            || (from == Status.Paused && (status == Status.Active || status == Status.Revoked));
        if (!allowed) revert InvalidTransition(from, status);
        if (status != Status.Revoked) {
            if (seq == type(uint8).max) revert SequenceExhausted();
            slot.seq = seq + 1;
        }
        _requireSigner(changeDigest(id, status, seq), signature, slot.key);
        slot.flags = (slot.flags & SUSPENDED) | uint8(status);
        _grants[id] = slot;
        emit GrantChanged(id, status, seq);
    }

    /// @inheritdoc IGrants
    function suspend(bytes32 id, bool suspended) external override {
        if (roleOf[msg.sender] != IPartyRegistry.Role.Regulator) revert NotRegulator(msg.sender);
        Slot memory slot = _load(id);
        if ((slot.flags & SUSPENDED != 0) == suspended) revert AlreadySuspended(suspended);
        _grants[id].flags = slot.flags ^ SUSPENDED;
        emit GrantSuspended(id, suspended, msg.sender);
    }

    /// @inheritdoc IGrants
    function end(bytes32 id) external override {
        if (roleOf[msg.sender] != IPartyRegistry.Role.Operator) revert NotOperator(msg.sender);
        Slot memory slot = _load(id);
        Status from = _statusOf(slot);
        if (from != Status.Active && from != Status.Paused) revert InvalidTransition(from, Status.Ended);
        _grants[id].flags = (slot.flags & SUSPENDED) | uint8(Status.Ended);
        emit GrantEnded(id, msg.sender);
    }

    /// @inheritdoc IGrants
    function isActive(bytes32 id) external view override returns (bool) {
        return isActiveAt(id, uint40(block.timestamp));
    }

    /// @inheritdoc IGrants
    function stateOf(bytes32 id) external view override returns (GrantState memory) {
        Slot memory slot = _grants[id];
        return GrantState({
            key: slot.key,
            notBefore: slot.notBefore,
            notAfter: slot.notAfter,
            status: _statusOf(slot),
            suspended: slot.flags & SUSPENDED != 0,
            seq: slot.seq
        });
    }

    /// @inheritdoc IGrants
    function isActiveAt(bytes32 id, uint40 time) public view override returns (bool) {
        Slot memory slot = _grants[id];
        // Equality with `Active` also says "not suspended": the suspension is a bit of the same byte.
        return slot.flags == uint8(Status.Active) && slot.notBefore <= time && time < slot.notAfter;
    }

    /// @inheritdoc IGrants
    function grantDigest(Grant calldata grant_) public view override returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    GRANT_TYPEHASH, grant_.key, grant_.terms, grant_.binding, grant_.notBefore, grant_.notAfter
                )
            )
        );
    }

    /// @inheritdoc IGrants
    function changeDigest(bytes32 id, Status status, uint8 seq) public view override returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(CHANGE_TYPEHASH, id, status, seq)));
    }

    function _load(bytes32 id) private view returns (Slot memory slot) {
        slot = _grants[id];
        if (slot.key == address(0)) revert UnknownGrant(id);
    }

    function _statusOf(Slot memory slot) private pure returns (Status) {
        return Status(slot.flags & STATUS_MASK);
    }

    /// @dev OpenZeppelin refuses a high s, so a signature has one form only. Zero is never recovered without
    /// an error, so a grant with a zero key cannot be signed.
    function _requireSigner(bytes32 digest, bytes calldata signature, address key) private pure {
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecover(digest, signature);
        if (failure != ECDSA.RecoverError.NoError || signer != key) revert BadSignature();
    }
}
