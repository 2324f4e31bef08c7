// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {IReceiptLog} from "../contracts/IReceiptLog.sol";
import {ReceiptLog} from "../contracts/ReceiptLog.sol";
import {Invariants, Vm, World} from "./World.sol";

/// @dev Trees and consistency proofs by the recursive definitions of RFC 6962 section 2.1, not by the contract's climb.
library Tree {
    function root(bytes32[] memory leaves, uint256 from, uint256 to) internal pure returns (bytes32) {
        if (to == from) return sha256("");
        if (to - from == 1) return sha256(abi.encodePacked(bytes1(0x00), leaves[from]));
        uint256 middle = from + _half(to - from);
        return sha256(abi.encodePacked(bytes1(0x01), root(leaves, from, middle), root(leaves, middle, to)));
    }

    function proof(bytes32[] memory leaves, uint256 size1, uint256 size2) internal pure returns (bytes32[] memory) {
        bytes32[] memory found = new bytes32[](65);
        uint256 count = size1 == 0 || size1 == size2 ? 0 : _sub(leaves, size1, 0, size2, true, found);
        bytes32[] memory out = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            out[i] = found[i];
        }
        return out;
    }

    function _sub(bytes32[] memory leaves, uint256 m, uint256 from, uint256 to, bool whole, bytes32[] memory found)
        private
        pure
        returns (uint256 count)
    {
        uint256 n = to - from;
        if (m == n) {
            if (whole) return 0;
            found[0] = root(leaves, from, to);
            return 1;
        }
        uint256 k = _half(n);
        if (m <= k) {
            count = _sub(leaves, m, from, from + k, whole, found);
            found[count] = root(leaves, from + k, to);
        } else {
            count = _sub(leaves, m - k, from + k, to, false, found);
            found[count] = root(leaves, from, from + k);
        }
        return count + 1;
    }

    /// @dev The largest power of two below n.
    function _half(uint256 n) private pure returns (uint256 k) {
        k = 1;
        while (k << 1 < n) k <<= 1;
    }
}

contract ReceiptLogTest is World {
    uint256 private constant MOST = 70;

    function testFuzz_any_two_sizes_are_consistent_and_nothing_else_is(uint8 a, uint8 b, uint256 seed) public view {
        bytes32[] memory leaves = _leaves(seed);
        (uint64 small, uint64 large) = (uint64(a % MOST), uint64(b % MOST));
        if (small > large) (small, large) = (large, small);
        bytes32 before = Tree.root(leaves, 0, small);
        bytes32 root = Tree.root(leaves, 0, large);
        bytes32[] memory proof = Tree.proof(leaves, small, large);
        assert(log.isConsistent(small, before, large, root, proof));
        bytes32 wrong = keccak256(abi.encode(seed));
        if (small > 0) assert(!log.isConsistent(small, wrong, large, root, proof));
        if (small != 0) assert(!log.isConsistent(small, before, large, wrong, proof));
        if (proof.length > 0) {
            uint256 at = seed % proof.length;
            proof[at] = wrong;
            assert(!log.isConsistent(small, before, large, root, proof));
        }
    }

    function testFuzz_a_lengthened_or_shortened_proof_fails(uint8 a, uint8 b, uint256 seed) public view {
        bytes32[] memory leaves = _leaves(seed);
        uint64 small = uint64(1 + a % (MOST - 2));
        uint64 large = uint64(small + 1 + b % (MOST - small - 1));
        bytes32[] memory proof = Tree.proof(leaves, small, large);
        bytes32[] memory longer = new bytes32[](proof.length + 1);
        bytes32[] memory shorter = new bytes32[](proof.length - 1);
        for (uint256 i; i < proof.length; ++i) {
            longer[i] = proof[i];
            if (i < shorter.length) shorter[i] = proof[i];
        }
        longer[proof.length] = bytes32(seed);
        (bytes32 before, bytes32 root) = (Tree.root(leaves, 0, small), Tree.root(leaves, 0, large));
        assert(log.isConsistent(small, before, large, root, proof));
        assert(!log.isConsistent(small, before, large, root, longer));
        assert(!log.isConsistent(small, before, large, root, shorter));
    }

    function testFuzz_any_garbage_is_refused_without_a_panic(
        uint64 small,
        bytes32 before,
        uint64 large,
        bytes32 root,
        bytes32[] calldata proof
    ) public view {
        vm.assume(small != 0 && small < large && proof.length < 80);
        assert(!log.isConsistent(small, before, large, root, proof));
    }

    function testFuzz_only_the_operator_appends(address caller, uint64 size, bytes32 root) public {
        vm.assume(caller != OPERATOR);
        bytes32 empty = sha256("");
        vm.prank(caller);
        vm.expectPartialRevert(IReceiptLog.NotOperator.selector);
        log.append(0, empty, size, root, new bytes32[](0));
    }

    function testFuzz_one_person_starts_no_epoch(uint64 size, bytes32 root, address other) public {
        vm.assume(other != FIRST_ADMIN && other != SECOND_ADMIN && size != 0 && root != 0 && root != sha256(""));
        for (uint256 i; i < 2; ++i) {
            vm.prank(FIRST_ADMIN);
            if (i == 1) vm.expectPartialRevert(IReceiptLog.SecondPersonRequired.selector);
            log.startEpoch(size, root);
        }
        vm.prank(other);
        vm.expectPartialRevert(IReceiptLog.NotAdmin.selector);
        log.startEpoch(size, root);
        vm.prank(SECOND_ADMIN);
        log.startEpoch(size, root);
        (uint64 now_, bytes32 at,,) = log.head();
        assert(now_ == size && at == root);
    }

    function _leaves(uint256 seed) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](MOST);
        for (uint256 i; i < MOST; ++i) {
            leaves[i] = keccak256(abi.encode(seed, i));
        }
    }
}

/// @dev An operator who appends rightly and, as often, tries to cut, rewrite, fork or repeat.
contract Appender {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    ReceiptLog private immutable _log;
    address private immutable _operator;
    bytes32[] public leaves;

    constructor(ReceiptLog log_, address operator) {
        (_log, _operator) = (log_, operator);
    }

    function count() external view returns (uint256) {
        return leaves.length;
    }

    function all() public view returns (bytes32[] memory) {
        return leaves;
    }

    function grow(uint8 more, uint256 seed) external {
        uint64 before = uint64(leaves.length);
        if (before > 120) return;
        bytes32 root = Tree.root(all(), 0, before);
        for (uint256 i; i < 1 + more % 9; ++i) {
            leaves.push(keccak256(abi.encode(seed, i)));
        }
        bytes32[] memory now_ = all();
        bytes32 newRoot = Tree.root(now_, 0, now_.length);
        bytes32[] memory proof = Tree.proof(now_, before, now_.length);
        vm.prank(_operator);
        _log.append(before, root, uint64(now_.length), newRoot, proof);
    }

    /// @dev One old leaf is another now; everything else is as an honest operator would send it.
    function rewrite(uint8 at, uint8 more, uint256 seed) external {
        bytes32[] memory old = all();
        if (old.length == 0) return;
        bytes32[] memory forged = new bytes32[](old.length + 1 + more % 9);
        for (uint256 i; i < forged.length; ++i) {
            forged[i] = i < old.length ? old[i] : keccak256(abi.encode(seed, i));
        }
        forged[at % old.length] = keccak256(abi.encode(seed));
        bytes32 root = Tree.root(old, 0, old.length);
        bytes32 newRoot = Tree.root(forged, 0, forged.length);
        bytes32[] memory proof = Tree.proof(forged, old.length, forged.length);
        vm.prank(_operator);
        vm.expectPartialRevert(IReceiptLog.InconsistentProof.selector);
        _log.append(uint64(old.length), root, uint64(forged.length), newRoot, proof);
    }

    function cut(uint8 to) external {
        bytes32[] memory old = all();
        if (old.length == 0) return;
        uint64 less = uint64(to % (old.length + 1));
        (bytes32 before, bytes32 after_) = (Tree.root(old, 0, old.length), Tree.root(old, 0, less));
        vm.prank(_operator);
        vm.expectPartialRevert(IReceiptLog.NotAdvancing.selector);
        _log.append(uint64(old.length), before, less, after_, new bytes32[](0));
    }

    function stale(uint64 size, bytes32 root) external {
        bytes32[] memory old = all();
        if (size == old.length && root == Tree.root(old, 0, old.length)) return;
        vm.prank(_operator);
        vm.expectPartialRevert(IReceiptLog.StaleHead.selector);
        _log.append(size, root, type(uint64).max, root, new bytes32[](0));
    }
}

contract ReceiptLogInvariants is Invariants {
    Appender private _appender;

    function setUp() public override {
        super.setUp();
        _appender = new Appender(log, OPERATOR);
        _target(address(_appender));
    }

    function invariant_the_head_is_the_root_of_all_that_was_ever_appended() public view {
        (uint64 size, bytes32 root, uint32 epoch,) = log.head();
        bytes32[] memory leaves = _appender.all();
        assert(size == leaves.length && root == Tree.root(leaves, 0, size) && epoch == 1);
    }
}
