// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {IPartyRegistry} from "./IPartyRegistry.sol";
import {IRoleBook} from "./IRoleBook.sol";

/// @title Roles as the registry last wrote them
/// @notice What it promises stands in `IRoleBook`.
abstract contract RoleBook is IRoleBook {
    /// @inheritdoc IRoleBook
    IPartyRegistry public immutable override registry;

    /// @inheritdoc IRoleBook
    mapping(address account => IPartyRegistry.Role) public override roleOf;

    constructor(IPartyRegistry partyRegistry) {
        registry = partyRegistry;
    }

    /// @inheritdoc IRoleBook
    function setRole(address account, IPartyRegistry.Role role) external override {
        if (msg.sender != address(registry)) revert NotRegistry(msg.sender);
        roleOf[account] = role;
    }
}
