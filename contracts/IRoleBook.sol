// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {IPartyRegistry} from "./IPartyRegistry.sol";

/// @title Who may act here, as PartyRegistry says
/// @notice A contract that asks for a role in every call keeps the registry's answer beside its own state. The
/// registry writes it in the very transaction that changes it, so a suspension counts from the same block on.
/// @dev Asking the registry each time costs some 3,000 gas a call more, and says the same.
interface IRoleBook {
    /// @notice Only the registry writes here.
    error NotRegistry(address caller);

    /// @notice Notes an account's role; `None` for one that may no longer act. By the registry alone.
    function setRole(address account, IPartyRegistry.Role role) external;

    /// @notice The role in which the account may act here now; `None` if it may not. Roles that this contract
    /// never asks for are not noted.
    function roleOf(address account) external view returns (IPartyRegistry.Role);

    /// @notice Where parties stand.
    function registry() external view returns (IPartyRegistry);
}
