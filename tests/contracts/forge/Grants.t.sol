// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {Grants} from "../contracts/Grants.sol";
import {IGrants} from "../contracts/IGrants.sol";
import {Invariants, Vm, World} from "./World.sol";

contract GrantsTest is World {
    function testFuzz_only_its_own_key_begins_a_grant(
        uint256 seed,
        uint256 thief,
        bytes32 terms,
        bytes32 binding,
        uint40 from,
        uint40 to
    ) public {
        vm.assume(from < to && _key(seed) != _key(thief));
        IGrants.Grant memory grant = IGrants.Grant(vm.addr(_key(seed)), terms, binding, from, to);
        bytes32 digest = grants.grantDigest(grant);
        bytes memory stolen = _signed(_key(thief), digest);
        vm.expectPartialRevert(IGrants.BadSignature.selector);
        grants.register(grant, stolen);
        assert(grants.register(grant, _signed(_key(seed), digest)) == digest);
        bytes memory again = _signed(_key(seed), digest);
        vm.expectPartialRevert(IGrants.AlreadyRegistered.selector);
        grants.register(grant, again);
    }

    function testFuzz_it_serves_within_its_window_alone(uint256 seed, uint40 from, uint40 to, uint40 time) public {
        vm.assume(from < to);
        bytes32 id = _begun(seed, from, to);
        assert(grants.isActiveAt(id, time) == (from <= time && time < to));
        vm.warp(time);
        assert(grants.isActive(id) == (from <= time && time < to));
    }

    function testFuzz_no_word_of_anybody_else_changes_it(uint256 seed, uint256 thief, uint8 status, uint8 seq) public {
        vm.assume(_key(seed) != _key(thief));
        bytes32 id = _begun(seed, 0, type(uint40).max);
        IGrants.Status to = IGrants.Status(status % 5);
        bytes memory stolen = _signed(_key(thief), grants.changeDigest(id, to, seq));
        vm.expectRevert();
        grants.change(id, to, seq, stolen);
        assert(grants.isActive(id));
    }

    function testFuzz_a_signature_of_any_bytes_is_refused(uint256 seed, bytes calldata signature) public {
        bytes32 id = _begun(seed, 0, type(uint40).max);
        vm.expectPartialRevert(IGrants.BadSignature.selector);
        grants.change(id, IGrants.Status.Revoked, 0, signature);
    }

    function testFuzz_a_signature_with_the_other_s_is_refused(uint256 seed) public {
        bytes32 id = _begun(seed, 0, type(uint40).max);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(seed), grants.changeDigest(id, IGrants.Status.Revoked, 0));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes memory high = abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        vm.expectPartialRevert(IGrants.BadSignature.selector);
        grants.change(id, IGrants.Status.Revoked, 0, high);
        grants.change(id, IGrants.Status.Revoked, 0, abi.encodePacked(r, s, v));
    }

    function testFuzz_strangers_neither_suspend_nor_end(uint256 seed, address caller) public {
        vm.assume(caller != REGULATOR && caller != OPERATOR);
        bytes32 id = _begun(seed, 0, type(uint40).max);
        vm.prank(caller);
        vm.expectPartialRevert(IGrants.NotRegulator.selector);
        grants.suspend(id, true);
        vm.prank(caller);
        vm.expectPartialRevert(IGrants.NotOperator.selector);
        grants.end(id);
    }

    function _begun(uint256 seed, uint40 from, uint40 to) private returns (bytes32) {
        IGrants.Grant memory grant = IGrants.Grant(vm.addr(_key(seed)), bytes32(seed), 0, from, to);
        bytes memory signature = _signed(_key(seed), grants.grantDigest(grant));
        return grants.register(grant, signature);
    }
}

/// @dev The holder of one grant, a regulator and the operator, who do whatever comes; and somebody who replays.
contract Life {
    Vm private constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    Grants private immutable _grants;
    address private immutable _regulator;
    address private immutable _operator;
    uint256 private immutable _key;
    bytes32 public immutable id;
    IGrants.Status public status = IGrants.Status.Active;
    bool public suspended;
    uint8 public seq;
    bool public over;

    constructor(Grants grants_, uint256 key, bytes32 id_, address regulator, address operator) {
        (_grants, _key, id, _regulator, _operator) = (grants_, key, id_, regulator, operator);
    }

    function change(uint8 to, uint8 number) public {
        _change(IGrants.Status(to % 5), number);
    }

    /// @dev What a random number would seldom hit: the right one.
    function changeInTurn(uint8 to) external {
        _change(IGrants.Status(to % 5), seq);
    }

    function _change(IGrants.Status wanted, uint8 number) private {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key, _grants.changeDigest(id, wanted, number));
        try _grants.change(id, wanted, number, abi.encodePacked(r, s, v)) {
            assert(!over && number == seq && wanted != status);
            assert(wanted == IGrants.Status.Active || wanted == IGrants.Status.Paused || wanted == IGrants.Status.Revoked);
            status = wanted;
            if (wanted == IGrants.Status.Revoked) over = true;
            else seq += 1;
        } catch {}
    }

    function suspend(bool on) external {
        vm.prank(_regulator);
        try _grants.suspend(id, on) {
            assert(on != suspended);
            suspended = on;
        } catch {
            assert(on == suspended);
        }
    }

    function end(uint8 chance) external {
        if (chance > 20) return; // seldom, or nothing else would ever happen
        vm.prank(_operator);
        try _grants.end(id) {
            assert(!over);
            (status, over) = (IGrants.Status.Ended, true);
        } catch {
            assert(over);
        }
    }
}

contract GrantsInvariants is Invariants {
    Life private _life;

    function setUp() public override {
        super.setUp();
        uint256 key = _key(7);
        IGrants.Grant memory grant = IGrants.Grant(vm.addr(key), "terms", "binding", 0, type(uint40).max);
        bytes32 id = grants.register(grant, _signed(key, grants.grantDigest(grant)));
        _life = new Life(grants, key, id, REGULATOR, OPERATOR);
        _target(address(_life));
    }

    function invariant_the_grant_is_what_its_history_says_and_no_end_is_undone() public view {
        IGrants.GrantState memory state = grants.stateOf(_life.id());
        assert(state.status == _life.status() && state.suspended == _life.suspended() && state.seq == _life.seq());
        bool serves = _life.status() == IGrants.Status.Active && !_life.suspended();
        assert(grants.isActive(_life.id()) == serves);
        if (_life.over()) assert(!serves);
    }
}
