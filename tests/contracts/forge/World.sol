// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {CertificateAnchors} from "../contracts/CertificateAnchors.sol";
import {Grants} from "../contracts/Grants.sol";
import {IPartyRegistry} from "../contracts/IPartyRegistry.sol";
import {IRoleBook} from "../contracts/IRoleBook.sol";
import {PartyRegistry} from "../contracts/PartyRegistry.sol";
import {ReceiptLog} from "../contracts/ReceiptLog.sol";

/// @dev What of Foundry's cheat codes these tests use; they stand at a fixed address.
interface Vm {
    function prank(address caller) external;
    function expectRevert() external;
    /// @dev The error's name, whatever it says beside; a sha256 is a call as well, so arguments are made before.
    function expectPartialRevert(bytes4 selector) external;
    function assume(bool condition) external pure;
    function warp(uint256 time) external;
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function addr(uint256 key) external pure returns (address);
    function getNonce(address account) external view returns (uint64);
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
}

/// @dev The four contracts with one party of each role, admitted by two persons.
abstract contract World {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    address internal constant FIRST_ADMIN = address(0xA1);
    address internal constant SECOND_ADMIN = address(0xA2);
    address internal constant DEPARTMENT = address(0xD1);
    address internal constant OTHER_DEPARTMENT = address(0xD2);
    address internal constant REGULATOR = address(0xE1);
    address internal constant OPERATOR = address(0xF1);

    PartyRegistry internal registry;
    CertificateAnchors internal anchors;
    Grants internal grants;
    ReceiptLog internal log;

    function setUp() public virtual {
        uint64 nonce = vm.getNonce(address(this));
        address[] memory admins = new address[](2);
        (admins[0], admins[1]) = (FIRST_ADMIN, SECOND_ADMIN);
        // The registry and its books name one another: addresses follow from the next nonces.
        registry = new PartyRegistry(
            admins,
            IRoleBook(vm.computeCreateAddress(address(this), nonce + 1)),
            IRoleBook(vm.computeCreateAddress(address(this), nonce + 2)),
            IRoleBook(vm.computeCreateAddress(address(this), nonce + 3))
        );
        anchors = new CertificateAnchors(registry);
        grants = new Grants(registry);
        log = new ReceiptLog(registry);
        _admit("department", IPartyRegistry.Role.Department, DEPARTMENT);
        _admit("other department", IPartyRegistry.Role.Department, OTHER_DEPARTMENT);
        _admit("regulator", IPartyRegistry.Role.Regulator, REGULATOR);
        _admit("operator", IPartyRegistry.Role.Operator, OPERATOR);
    }

    function _admit(bytes32 id, IPartyRegistry.Role role, address account) internal {
        vm.prank(FIRST_ADMIN);
        registry.propose(id, role, account, 0, 0);
        vm.prank(SECOND_ADMIN);
        registry.admit(id, role, account, 0, 0);
    }

    function _signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev A private key that exists on the curve, from any number.
    function _key(uint256 seed) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed))) >> 1 | 1;
    }
}

/// @dev Says "these contracts are to be called" as Foundry's invariant runner asks for it.
abstract contract Invariants is World {
    address[] private _targets;

    function targetContracts() public view returns (address[] memory) {
        return _targets;
    }

    function _target(address handler) internal {
        _targets.push(handler);
    }
}
