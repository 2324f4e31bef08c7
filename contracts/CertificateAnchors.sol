// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {ICertificateAnchors} from "./ICertificateAnchors.sol";
import {IPartyRegistry} from "./IPartyRegistry.sol";
import {RoleBook} from "./RoleBook.sol";

/// @title Anchors of certificate batches
/// @notice What it promises stands in `ICertificateAnchors`.
contract CertificateAnchors is ICertificateAnchors, RoleBook, EIP712 {
    bytes32 private constant ANCHOR_TYPEHASH = keccak256("Anchor(address issuer,bytes32[] roots,uint64[] sizes)");
    bytes32 private constant REVOKE_TYPEHASH =
        keccak256("Revoke(address issuer,bytes32 root,uint256 word,uint256 mask)");

    /// @dev Time << 64 | size in one word, read and written whole: a struct's members would be masked one by one.
    mapping(address issuer => mapping(bytes32 root => uint256 batch)) private _batches;
    /// @inheritdoc ICertificateAnchors
    mapping(address issuer => mapping(bytes32 root => mapping(uint256 word => uint256 bits))) public override
        revokedWord;

    constructor(IPartyRegistry partyRegistry) RoleBook(partyRegistry) EIP712("mydata CertificateAnchors", "1") {}

    /// @inheritdoc ICertificateAnchors
    function anchor(bytes32[] calldata roots, uint64[] calldata sizes) external override {
        _anchor(msg.sender, roots, sizes);
    }

    /// @inheritdoc ICertificateAnchors
    /// @dev No nonce is needed. A message names roots, each root can be anchored once for its issuer, and a
    /// call is all or nothing: the second run of a message, or of any that shares a root with it, reverts.
    function anchorFor(
        address issuer,
        bytes32[] calldata roots,
        uint64[] calldata sizes,
        bytes calldata signature
    ) external override {
        bytes32 digest = _hashTypedDataV4(
            keccak256(
                abi.encode(
                    ANCHOR_TYPEHASH,
                    issuer,
                    keccak256(abi.encodePacked(roots)),
                    keccak256(abi.encodePacked(sizes)) // packed arrays pad each element to a word, as EIP-712 does
                )
            )
        );
        if (_recover(digest, signature) != issuer) revert BadSignature();
        _anchor(issuer, roots, sizes);
    }

    /// @inheritdoc ICertificateAnchors
    function revoke(bytes32 root, uint256 word, uint256 mask) external override {
        _requireDepartment(msg.sender);
        _revoke(msg.sender, root, word, mask);
    }

    /// @inheritdoc ICertificateAnchors
    /// @dev No nonce: bits are only ever set, and a call that would set none reverts.
    function revokeFor(address issuer, bytes32 root, uint256 word, uint256 mask, bytes calldata signature)
        external
        override
    {
        address signer =
            _recover(_hashTypedDataV4(keccak256(abi.encode(REVOKE_TYPEHASH, issuer, root, word, mask))), signature);
        if (signer != issuer && registry.partyOf(signer) != registry.partyOf(issuer)) revert BadSignature();
        _requireDepartment(signer);
        _revoke(issuer, root, word, mask);
    }

    /// @inheritdoc ICertificateAnchors
    function statusOf(address issuer, bytes32 root, uint64 index)
        external
        view
        override
        returns (CertificateStatus)
    {
        if (index >= uint64(_batches[issuer][root])) return CertificateStatus.Unknown;
        uint256 bits = revokedWord[issuer][root][index >> 8];
        return (bits >> (index & 0xff)) & 1 == 0 ? CertificateStatus.Valid : CertificateStatus.Revoked;
    }

    /// @inheritdoc ICertificateAnchors
    function anchorOf(address issuer, bytes32 root) external view override returns (uint64 size, uint40 time) {
        uint256 batch = _batches[issuer][root];
        return (uint64(batch), uint40(batch >> 64));
    }

    function _anchor(address issuer, bytes32[] calldata roots, uint64[] calldata sizes) private {
        _requireDepartment(issuer);
        uint256 count = roots.length;
        if (count != sizes.length) revert LengthMismatch(count, sizes.length);
        if (count == 0) revert NoRoots();
        uint256 time = block.timestamp << 64;
        mapping(bytes32 root => uint256 batch) storage batches = _batches[issuer];
        for (uint256 i; i < count; ++i) {
            bytes32 root = roots[i];
            uint64 size = sizes[i];
            if (size == 0) revert EmptyBatch(root);
            if (batches[root] != 0) revert AlreadyAnchored(issuer, root);
            batches[root] = time | size;
            emit Anchored(issuer, root, size);
        }
    }

    function _revoke(address issuer, bytes32 root, uint256 word, uint256 mask) private {
        uint64 size = uint64(_batches[issuer][root]);
        if (size == 0) revert UnknownRoot(issuer, root);
        // `full` words are in range whole; the word after them holds the last size % 256 certificates.
        uint256 full = size >> 8;
        if (word > full || (word == full && mask >> (size & 0xff) != 0)) revert OutOfRange(size);
        uint256 before = revokedWord[issuer][root][word];
        if (before | mask == before) revert NothingToRevoke();
        revokedWord[issuer][root][word] = before | mask;
        emit Revoked(issuer, root, word, mask);
    }

    function _requireDepartment(address account) private view {
        if (roleOf[account] != IPartyRegistry.Role.Department) revert NotDepartment(account);
    }

    /// @dev OpenZeppelin refuses a high s, so a signature has one form only.
    function _recover(bytes32 digest, bytes calldata signature) private pure returns (address) {
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecover(digest, signature);
        if (failure != ECDSA.RecoverError.NoError) revert BadSignature();
        return signer;
    }
}
