// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

/// @title Roots of certificate batches, and revocations
/// @notice A department anchors the RFC 6962 root and the size of each batch of certificates, and revokes
/// single certificates by their index in the batch. Leaves are salted; nothing here says whom they describe.
/// @dev Everything is keyed by issuer, then root: a root means nothing without the issuer who stands for it,
/// so copying somebody's root first harms nobody. Revocation is keyed by (issuer, root, index) and never undone.
interface ICertificateAnchors {
    /// @notice What the chain says of one certificate.
    enum CertificateStatus {
        Unknown,
        Valid,
        Revoked
    }

    /// @notice A batch was anchored: `size` leaves, indexes 0 to size - 1. The time is the block's, and is kept.
    event Anchored(address indexed issuer, bytes32 indexed root, uint64 size);

    /// @notice Certificates `word * 256 + i` are revoked for every set bit i of `mask`.
    event Revoked(address indexed issuer, bytes32 indexed root, uint256 word, uint256 mask);

    /// @notice The account is not the current one of an active department.
    error NotDepartment(address account);
    /// @notice The signature is not one that may speak for the issuer.
    error BadSignature();
    /// @notice There are not as many sizes as roots.
    error LengthMismatch(uint256 roots, uint256 sizes);
    /// @notice The call names no root.
    error NoRoots();
    /// @notice A batch has at least one leaf.
    error EmptyBatch(bytes32 root);
    /// @notice The issuer anchored this root before.
    error AlreadyAnchored(address issuer, bytes32 root);
    /// @notice The issuer never anchored this root.
    error UnknownRoot(address issuer, bytes32 root);
    /// @notice The mask names an index that the batch does not have.
    error OutOfRange(uint64 size);
    /// @notice Every named certificate is revoked already, or none is named.
    error NothingToRevoke();

    /// @notice Anchors batches of the calling department.
    /// @param roots RFC 6962 tree heads
    /// @param sizes number of leaves under each root, in the same order
    function anchor(bytes32[] calldata roots, uint64[] calldata sizes) external;

    /// @notice Anchors batches that a department signed; anybody may relay.
    /// @dev EIP-712 `Anchor(address issuer,bytes32[] roots,uint64[] sizes)`.
    /// @param issuer the department's account
    /// @param roots RFC 6962 tree heads
    /// @param sizes number of leaves under each root, in the same order
    /// @param signature 65 bytes r, s, v of the issuer; low s
    function anchorFor(
        address issuer,
        bytes32[] calldata roots,
        uint64[] calldata sizes,
        bytes calldata signature
    ) external;

    /// @notice Revokes certificates of a batch of the calling department's account.
    /// @param root the batch
    /// @param word index of the 256-bit word: certificate index / 256
    /// @param mask bits within it: bit i is certificate word * 256 + i
    function revoke(bytes32 root, uint256 word, uint256 mask) external;

    /// @notice Revokes certificates of a batch by a signed message; anybody may relay.
    /// @dev EIP-712 `Revoke(address issuer,bytes32 root,uint256 word,uint256 mask)`, signed by the issuer's
    /// account or, after a key rotation, by the present account of the same party: a department whose key
    /// was replaced must still be able to revoke what it once issued.
    function revokeFor(address issuer, bytes32 root, uint256 word, uint256 mask, bytes calldata signature) external;

    /// @notice State of one certificate. `Unknown`: no such anchor, or an index beyond its size.
    function statusOf(address issuer, bytes32 root, uint64 index) external view returns (CertificateStatus);

    /// @notice Size and time (s) of an anchored batch; both zero if the issuer never anchored it.
    function anchorOf(address issuer, bytes32 root) external view returns (uint64 size, uint40 time);

    /// @notice Revocation bits of certificates word * 256 to word * 256 + 255.
    function revokedWord(address issuer, bytes32 root, uint256 word) external view returns (uint256 bits);
}
