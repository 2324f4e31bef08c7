// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {CertificateAnchors} from "../contracts/CertificateAnchors.sol";
import {ICertificateAnchors} from "../contracts/ICertificateAnchors.sol";
import {IPartyRegistry} from "../contracts/IPartyRegistry.sol";
import {Invariants, Vm, World} from "./World.sol";

contract CertificateAnchorsTest is World {
    function testFuzz_only_departments_anchor_and_each_root_once(address caller, bytes32 root, uint64 size) public {
        vm.assume(caller != DEPARTMENT && caller != OTHER_DEPARTMENT && size != 0);
        (bytes32[] memory roots, uint64[] memory sizes) = _one(root, size);
        vm.prank(caller);
        vm.expectPartialRevert(ICertificateAnchors.NotDepartment.selector);
        anchors.anchor(roots, sizes);
        vm.prank(DEPARTMENT);
        anchors.anchor(roots, sizes);
        vm.prank(DEPARTMENT);
        vm.expectPartialRevert(ICertificateAnchors.AlreadyAnchored.selector);
        anchors.anchor(roots, sizes);
        // Another's equal root is another's: nobody squats one.
        vm.prank(OTHER_DEPARTMENT);
        anchors.anchor(roots, sizes);
    }

    function testFuzz_what_is_out_of_range_is_unknown_and_cannot_be_revoked(uint64 size, uint64 index) public {
        vm.assume(size != 0);
        (bytes32[] memory roots, uint64[] memory sizes) = _one("root", size);
        vm.prank(DEPARTMENT);
        anchors.anchor(roots, sizes);
        bool within = index < size;
        assert((anchors.statusOf(DEPARTMENT, "root", index) == ICertificateAnchors.CertificateStatus.Valid) == within);
        vm.prank(DEPARTMENT);
        if (!within) vm.expectPartialRevert(ICertificateAnchors.OutOfRange.selector);
        anchors.revoke("root", index >> 8, 1 << (index & 0xff));
        if (within) {
            assert(anchors.statusOf(DEPARTMENT, "root", index) == ICertificateAnchors.CertificateStatus.Revoked);
        }
    }

    function testFuzz_a_revocation_touches_what_it_names_alone(uint16 size, uint16 a, uint16 b) public {
        vm.assume(size > 1);
        (uint64 one, uint64 other) = (uint64(a % size), uint64(b % size));
        vm.assume(one != other);
        (bytes32[] memory roots, uint64[] memory sizes) = _one("root", size);
        vm.prank(DEPARTMENT);
        anchors.anchor(roots, sizes);
        vm.prank(DEPARTMENT);
        anchors.revoke("root", one >> 8, 1 << (one & 0xff));
        assert(anchors.statusOf(DEPARTMENT, "root", one) == ICertificateAnchors.CertificateStatus.Revoked);
        assert(anchors.statusOf(DEPARTMENT, "root", other) == ICertificateAnchors.CertificateStatus.Valid);
    }

    function testFuzz_anybody_relays_and_nobody_signs_for_the_issuer(uint256 seed, uint256 thief, bytes32 root) public {
        (uint256 key, uint256 other) = (_key(seed), _key(thief));
        vm.assume(key != other);
        address issuer = vm.addr(key);
        _admit("signing department", IPartyRegistry.Role.Department, issuer);
        (bytes32[] memory roots, uint64[] memory sizes) = _one(root, 3);
        bytes32 digest = _digest(issuer, roots, sizes);
        bytes memory stolen = _signed(other, digest);
        vm.expectPartialRevert(ICertificateAnchors.BadSignature.selector);
        anchors.anchorFor(issuer, roots, sizes, stolen);
        anchors.anchorFor(issuer, roots, sizes, _signed(key, digest));
        (uint64 size,) = anchors.anchorOf(issuer, root);
        assert(size == 3);
    }

    function _digest(address issuer, bytes32[] memory roots, uint64[] memory sizes) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("mydata CertificateAnchors"),
                keccak256("1"),
                block.chainid,
                address(anchors)
            )
        );
        bytes32 said = keccak256(
            abi.encode(
                keccak256("Anchor(address issuer,bytes32[] roots,uint64[] sizes)"),
                issuer,
                keccak256(abi.encodePacked(roots)),
                keccak256(abi.encodePacked(sizes))
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, said));
    }

    function _one(bytes32 root, uint64 size) private pure returns (bytes32[] memory roots, uint64[] memory sizes) {
        (roots, sizes) = (new bytes32[](1), new uint64[](1));
        (roots[0], sizes[0]) = (root, size);
    }
}

/// @dev A department that revokes whatever comes in a batch of 700, remembering what went through.
contract Revoker {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    uint64 public constant SIZE = 700;
    CertificateAnchors private immutable _anchors;
    address private immutable _department;
    mapping(uint256 word => uint256) public revoked;

    constructor(CertificateAnchors anchors_, address department) {
        (_anchors, _department) = (anchors_, department);
    }

    function revoke(uint8 word, uint256 mask) external {
        uint256 at = word % 5;
        uint256 within = at < 2 ? type(uint256).max : at == 2 ? (uint256(1) << (SIZE & 0xff)) - 1 : 0;
        vm.prank(_department);
        try _anchors.revoke("root", at, mask) {
            assert(mask & ~within == 0 && revoked[at] | mask != revoked[at]);
            revoked[at] |= mask;
        } catch {
            assert(mask & ~within != 0 || at > 2 || revoked[at] | mask == revoked[at]);
        }
    }

    function revokeOne(uint64 index) external {
        uint64 at = index % SIZE;
        vm.prank(_department);
        try _anchors.revoke("root", at >> 8, 1 << (at & 0xff)) {
            revoked[at >> 8] |= 1 << (at & 0xff);
        } catch {
            assert(revoked[at >> 8] >> (at & 0xff) & 1 == 1);
        }
    }
}

contract CertificateAnchorsInvariants is Invariants {
    Revoker private _revoker;

    function setUp() public override {
        super.setUp();
        _revoker = new Revoker(anchors, DEPARTMENT);
        (bytes32[] memory roots, uint64[] memory sizes) = (new bytes32[](1), new uint64[](1));
        (roots[0], sizes[0]) = ("root", _revoker.SIZE());
        vm.prank(DEPARTMENT);
        anchors.anchor(roots, sizes);
        _target(address(_revoker));
    }

    function invariant_what_was_revoked_stays_revoked_and_nothing_else_is() public view {
        for (uint256 word; word < 4; ++word) {
            assert(anchors.revokedWord(DEPARTMENT, "root", word) == _revoker.revoked(word));
        }
    }
}
