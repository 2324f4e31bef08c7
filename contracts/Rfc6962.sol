// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

/// @title Consistency of RFC 6962 trees
/// @dev Algorithm of RFC 9162 section 2.1.4.2, with SHA-256 by the precompiled contract.
library Rfc6962 {
    /// @dev SHA-256 of nothing: the head of the empty tree.
    bytes32 internal constant EMPTY_ROOT = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;

    /// @notice Whether the tree (size1, root1) is a prefix of the tree (size2, root2) according to the proof.
    /// @dev Beyond RFC 9162, the empty tree is a prefix of every tree and equal sizes need equal roots, both
    /// with an empty proof (RFC 6962 section 2.1.2). The proof does not bind `size2` itself.
    function isConsistent(uint64 size1, bytes32 root1, uint64 size2, bytes32 root2, bytes32[] calldata proof)
        internal
        view
        returns (bool)
    {
        if (size1 > size2) return false;
        if (size1 == size2) return proof.length == 0 && root1 == root2;
        if (size1 == 0) return proof.length == 0 && root1 == EMPTY_ROOT;

        unchecked {
            // fn and sn: position of the last leaf of the old and of the new tree, climbing level by level.
            uint256 fn = size1 - 1;
            uint256 sn = size2 - 1;
            uint256 next;
            bytes32 old;
            if (size1 & (size1 - 1) == 0) {
                old = root1; // a perfect tree is a node of the new one, and is left out of the proof
            } else {
                if (proof.length == 0) return false;
                old = proof[0];
                next = 1;
            }
            bytes32 new_ = old;
            while (fn & 1 == 1) {
                fn >>= 1;
                sn >>= 1;
            }
            for (; next < proof.length; ++next) {
                if (sn == 0) return false;
                bytes32 sibling = proof[next];
                if (fn & 1 == 1 || fn == sn) {
                    bytes32 parent = _node(sibling, old);
                    new_ = new_ == old ? parent : _node(sibling, new_); // same children, same parent
                    old = parent;
                    while (fn & 1 == 0 && fn != 0) {
                        fn >>= 1;
                        sn >>= 1;
                    }
                } else {
                    new_ = _node(new_, sibling);
                }
                fn >>= 1;
                sn >>= 1;
            }
            return sn == 0 && old == root1 && new_ == root2;
        }
    }

    /// @dev 0x01 sets an inner node apart from a leaf (0x00), so neither can pass for the other.
    /// This is the project's one piece of assembly. It is `sha256(abi.encodePacked(bytes1(0x01), left, right))`,
    /// which copies its input twice and keeps both copies: a seventh of an append's gas at a million leaves.
    /// Memory beyond the free pointer is used and not kept; the answer lands in the scratch space.
    function _node(bytes32 left, bytes32 right) private view returns (bytes32 parent) {
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore8(input, 0x01)
            mstore(add(input, 1), left)
            mstore(add(input, 33), right)
            if iszero(staticcall(gas(), 0x02, input, 65, 0x00, 32)) { revert(0, 0) }
            parent := mload(0x00)
        }
    }
}
