// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

/// @title Grants and their state
/// @notice A person's permission, signed by a key made for this one grant. The chain learns times and two
/// salted commitments, never holder, entity, purpose or fields, and no two grants can be linked.
/// @dev The grant's id is its EIP-712 digest, which binds every term: a wider grant is another grant, with
/// its own signature. An id is registered once and no end is ever undone, so neither a message nor its replay
/// can bring back or widen what ended.
interface IGrants {
    /// @notice `Revoked` is the holder's end, `Ended` the platform's; both are final.
    enum Status {
        None,
        Active,
        Paused,
        Revoked,
        Ended
    }

    /// @notice The message that the grant's key signs.
    /// @param key address of the key made for this grant
    /// @param terms salted commitment to the terms document
    /// @param binding salted commitment to the proof that the holder saw those terms
    /// @param notBefore first second at which the grant holds
    /// @param notAfter first second at which it no longer holds
    struct Grant {
        address key;
        bytes32 terms;
        bytes32 binding;
        uint40 notBefore;
        uint40 notAfter;
    }

    /// @notice A grant as it stands.
    /// @param key the grant's key
    /// @param notBefore first second at which it holds
    /// @param notAfter first second at which it no longer holds
    /// @param status the status, without regard to the clock
    /// @param suspended whether a regulator holds it up; independent of the status
    /// @param seq the number that the next change must carry; the first change carries 0
    struct GrantState {
        address key;
        uint40 notBefore;
        uint40 notAfter;
        Status status;
        bool suspended;
        uint8 seq;
    }

    /// @notice A grant was registered; its key and times are in `stateOf`.
    event GrantRegistered(bytes32 indexed id, bytes32 terms, bytes32 binding);
    /// @notice The holder paused, resumed or revoked the grant; `seq` is the number of this change.
    event GrantChanged(bytes32 indexed id, Status status, uint8 seq);
    /// @notice A regulator suspended the grant or lifted the suspension.
    event GrantSuspended(bytes32 indexed id, bool suspended, address regulator);
    /// @notice The platform ended the grant.
    event GrantEnded(bytes32 indexed id, address operator);

    /// @notice The id was registered before.
    error AlreadyRegistered(bytes32 id);
    /// @notice No grant has this id.
    error UnknownGrant(bytes32 id);
    /// @notice `notAfter` is not later than `notBefore`.
    error InvalidWindow(uint40 notBefore, uint40 notAfter);
    /// @notice The signature is not the grant key's.
    error BadSignature();
    /// @notice The change carries another number than the next one.
    error WrongSequence(uint8 expected);
    /// @notice This status cannot follow that one.
    error InvalidTransition(Status from, Status to);
    /// @notice Sequence number 255 is the last and is kept for a revocation.
    error SequenceExhausted();
    /// @notice The suspension is already as asked.
    error AlreadySuspended(bool suspended);
    /// @notice The caller is not the current account of an active regulator.
    error NotRegulator(address caller);
    /// @notice The caller is not the current account of an active operator.
    error NotOperator(address caller);

    /// @notice Registers a grant; anybody may relay.
    /// @dev EIP-712 `Grant(address key,bytes32 terms,bytes32 binding,uint40 notBefore,uint40 notAfter)`. A window
    /// that is past already is accepted: the chain may have been away, and the grant's history still counts.
    /// @param grant_ the message
    /// @param signature 65 bytes r, s, v of `grant_.key`; low s
    /// @return id the message's digest
    function register(Grant calldata grant_, bytes calldata signature) external returns (bytes32 id);

    /// @notice Pauses (2), resumes (1) or revokes (3) a grant; anybody may relay.
    /// @dev EIP-712 `Change(bytes32 grant,uint8 status,uint8 seq)`. A paused or not yet begun grant can be revoked.
    /// @param id the grant
    /// @param status the status to come
    /// @param seq the number of this change: 0 for the first, then one more each time
    /// @param signature 65 bytes r, s, v of the grant's key; low s
    function change(bytes32 id, Status status, uint8 seq, bytes calldata signature) external;

    /// @notice A regulator suspends a grant, or lifts a suspension; the holder's status is untouched.
    function suspend(bytes32 id, bool suspended) external;

    /// @notice The platform ends a grant. It can end only: never begin, resume or widen.
    function end(bytes32 id) external;

    /// @notice `isActiveAt` the head block's own time. On an idle chain that time lags behind the clock: a
    /// caller outside the chain asks `isActiveAt` with its own clock instead.
    function isActive(bytes32 id) external view returns (bool);

    /// @notice Whether the grant, in the state it has in the block asked, permits at second `time`.
    /// @dev The state is not looked up as of `time`; ask an earlier block for that.
    function isActiveAt(bytes32 id, uint40 time) external view returns (bool);

    /// @notice The grant's state; all zero if it was never registered.
    function stateOf(bytes32 id) external view returns (GrantState memory);

    /// @notice Digest that a grant's key signs to grant; the grant's id.
    function grantDigest(Grant calldata grant_) external view returns (bytes32);

    /// @notice Digest that a grant's key signs to change it.
    function changeDigest(bytes32 id, Status status, uint8 seq) external view returns (bytes32);
}
