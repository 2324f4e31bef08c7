// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {IPartyRegistry, PROPOSAL_LIFE} from "../contracts/IPartyRegistry.sol";
import {World} from "./World.sol";

contract PartyRegistryTest is World {
    function testFuzz_one_person_admits_nobody(bytes32 id, uint8 role, address account, bytes32 thumbprint) public {
        IPartyRegistry.Role as_ = IPartyRegistry.Role(1 + role % 4);
        vm.prank(FIRST_ADMIN);
        try registry.propose(id, as_, account, thumbprint, 0) {
            vm.prank(FIRST_ADMIN);
            vm.expectPartialRevert(IPartyRegistry.SecondPersonRequired.selector);
            registry.admit(id, as_, account, thumbprint, 0);
        } catch {}
        if (account != DEPARTMENT && account != OTHER_DEPARTMENT && account != REGULATOR && account != OPERATOR) {
            assert(anchors.roleOf(account) == IPartyRegistry.Role.None);
        }
    }

    function testFuzz_strangers_do_nothing(address caller, bytes32 id, address account) public {
        vm.assume(caller != FIRST_ADMIN && caller != SECOND_ADMIN);
        vm.prank(caller);
        vm.expectPartialRevert(IPartyRegistry.NotAdmin.selector);
        registry.propose(id, IPartyRegistry.Role.Operator, account, 0, 0);
        vm.prank(caller);
        vm.expectPartialRevert(IPartyRegistry.NotAdmin.selector);
        registry.suspend("department");
    }

    function testFuzz_a_proposal_lives_for_its_time(uint40 later) public {
        address account = address(0xB0B);
        uint256 begun = block.timestamp;
        vm.prank(FIRST_ADMIN);
        registry.propose("b", IPartyRegistry.Role.Regulator, account, 0, 0);
        vm.warp(begun + later);
        vm.prank(SECOND_ADMIN);
        if (later > PROPOSAL_LIFE) vm.expectRevert();
        registry.admit("b", IPartyRegistry.Role.Regulator, account, 0, 0);
        bool admitted = later <= PROPOSAL_LIFE;
        assert((grants.roleOf(account) == IPartyRegistry.Role.Regulator) == admitted);
    }

    function testFuzz_what_differs_from_the_proposal_is_not_admitted(bytes32 other, uint8 which) public {
        (bytes32 id, address account) = (bytes32("c"), address(0xC0C));
        vm.assume(other != id && other != 0 && address(uint160(uint256(other))) != account);
        vm.assume(other != "key" && other != "metadata");
        vm.prank(FIRST_ADMIN);
        registry.propose(id, IPartyRegistry.Role.Entity, account, "key", "metadata");
        vm.prank(SECOND_ADMIN);
        vm.expectRevert();
        uint256 at = which % 4;
        registry.admit(
            at == 0 ? other : id,
            IPartyRegistry.Role.Entity,
            at == 1 ? address(uint160(uint256(other))) : account,
            at == 2 ? other : bytes32("key"),
            at == 3 ? other : bytes32("metadata")
        );
    }

    function test_a_suspension_counts_at_once_and_its_end_takes_two() public {
        vm.prank(FIRST_ADMIN);
        registry.suspend("department");
        assert(anchors.roleOf(DEPARTMENT) == IPartyRegistry.Role.None);
        vm.prank(FIRST_ADMIN);
        registry.proposeReinstatement("department");
        vm.prank(FIRST_ADMIN);
        vm.expectPartialRevert(IPartyRegistry.SecondPersonRequired.selector);
        registry.reinstate("department");
        vm.prank(SECOND_ADMIN);
        registry.reinstate("department");
        assert(anchors.roleOf(DEPARTMENT) == IPartyRegistry.Role.Department);
    }
}
