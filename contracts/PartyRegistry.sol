// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {IPartyRegistry, PROPOSAL_LIFE} from "./IPartyRegistry.sol";
import {IRoleBook} from "./IRoleBook.sol";

/// @title Parties, admitted by two persons
/// @notice What it promises stands in `IPartyRegistry`.
contract PartyRegistry is IPartyRegistry {
    /// @dev Separates the kinds of proposal, so that no two can share a digest.
    enum Act {
        Admission,
        Reinstatement,
        Rotation
    }

    /// @dev One slot. `until` is the last second at which it can be confirmed.
    struct Proposal {
        address proposer;
        uint40 until;
    }

    /// @inheritdoc IPartyRegistry
    IRoleBook public immutable override anchors;
    /// @inheritdoc IPartyRegistry
    IRoleBook public immutable override grants;
    /// @inheritdoc IPartyRegistry
    IRoleBook public immutable override log;

    address[] private _admins;
    mapping(bytes32 partyId => Party) private _parties;
    /// @dev Repeats role and activity beside the account, so that `isActive` reads one slot instead of two.
    mapping(address account => AccountRecord) private _accounts;
    mapping(bytes32 keyThumbprint => KeyRecord) private _keys;
    mapping(bytes32 proposal => Proposal) private _proposals;

    /// @inheritdoc IPartyRegistry
    mapping(address account => bool) public override isAdmin;

    modifier onlyAdmin() {
        if (!isAdmin[msg.sender]) revert NotAdmin(msg.sender);
        _;
    }

    /// @param adminAccounts at least two distinct accounts; they can never be changed
    /// @param anchorsBook CertificateAnchors, told of departments; like the others it may be created after this
    /// contract, at an address that is known before
    /// @param grantsBook Grants, told of regulators and operators
    /// @param logBook ReceiptLog, told of operators
    constructor(address[] memory adminAccounts, IRoleBook anchorsBook, IRoleBook grantsBook, IRoleBook logBook) {
        (anchors, grants, log) = (anchorsBook, grantsBook, logBook);
        if (adminAccounts.length < 2) revert TooFewAdmins(adminAccounts.length);
        for (uint256 i; i < adminAccounts.length; ++i) {
            address admin = adminAccounts[i];
            if (admin == address(0) || isAdmin[admin]) revert InvalidAdmin(admin);
            isAdmin[admin] = true;
            _admins.push(admin);
        }
    }

    /// @inheritdoc IPartyRegistry
    function propose(bytes32 partyId, Role role, address account, bytes32 keyThumbprint, bytes32 metadataHash)
        external
        override
        onlyAdmin
        returns (bytes32 proposal)
    {
        _checkAdmission(partyId, role, account, keyThumbprint);
        uint40 until;
        (proposal, until) = _open(_admission(partyId, role, account, keyThumbprint, metadataHash));
        emit PartyProposed(partyId, proposal, role, account, keyThumbprint, metadataHash, msg.sender, until);
    }

    /// @inheritdoc IPartyRegistry
    function admit(bytes32 partyId, Role role, address account, bytes32 keyThumbprint, bytes32 metadataHash)
        external
        override
        onlyAdmin
    {
        address proposer = _confirm(_admission(partyId, role, account, keyThumbprint, metadataHash));
        // Checked again: the account or the key may have gone to another party since the proposal.
        _checkAdmission(partyId, role, account, keyThumbprint);
        uint40 time = uint40(block.timestamp);
        _parties[partyId] = Party({
            account: account,
            role: role,
            status: Status.Active,
            admittedAt: time,
            revision: 1,
            keyThumbprint: keyThumbprint,
            metadataHash: metadataHash
        });
        _assignAccount(partyId, role, account, true, time);
        _assignKey(partyId, keyThumbprint, time);
        emit PartyAdmitted(partyId, account, role, keyThumbprint, metadataHash, proposer, msg.sender, time);
    }

    /// @inheritdoc IPartyRegistry
    function suspend(bytes32 partyId) external override onlyAdmin {
        Party storage p = _parties[partyId];
        if (p.status != Status.Active) revert WrongStatus(partyId, p.status);
        p.status = Status.Suspended;
        p.revision += 1;
        if (p.account != address(0)) {
            _accounts[p.account].active = false;
            _tell(p.account, p.role, false);
        }
        emit PartySuspended(partyId, msg.sender, uint40(block.timestamp));
    }

    /// @inheritdoc IPartyRegistry
    function proposeReinstatement(bytes32 partyId) external override onlyAdmin returns (bytes32 proposal) {
        Party storage p = _parties[partyId];
        if (p.status != Status.Suspended) revert WrongStatus(partyId, p.status);
        uint40 until;
        (proposal, until) = _open(_reinstatement(partyId, p.revision));
        emit ReinstatementProposed(partyId, proposal, msg.sender, until);
    }

    /// @inheritdoc IPartyRegistry
    function reinstate(bytes32 partyId) external override onlyAdmin {
        Party storage p = _parties[partyId];
        if (p.status != Status.Suspended) revert WrongStatus(partyId, p.status);
        address proposer = _confirm(_reinstatement(partyId, p.revision));
        p.status = Status.Active;
        p.revision += 1;
        if (p.account != address(0)) {
            _accounts[p.account].active = true;
            _tell(p.account, p.role, true);
        }
        emit PartyReinstated(partyId, proposer, msg.sender, uint40(block.timestamp));
    }

    /// @inheritdoc IPartyRegistry
    function proposeRotation(bytes32 partyId, address account, bytes32 keyThumbprint)
        external
        override
        onlyAdmin
        returns (bytes32 proposal)
    {
        Party storage p = _parties[partyId];
        _checkRotation(partyId, p, account, keyThumbprint);
        uint40 until;
        (proposal, until) = _open(_rotation(partyId, p.revision, account, keyThumbprint));
        emit RotationProposed(partyId, proposal, account, keyThumbprint, msg.sender, until);
    }

    /// @inheritdoc IPartyRegistry
    function rotate(bytes32 partyId, address account, bytes32 keyThumbprint) external override onlyAdmin {
        Party storage p = _parties[partyId];
        address proposer = _confirm(_rotation(partyId, p.revision, account, keyThumbprint));
        _checkRotation(partyId, p, account, keyThumbprint);
        uint40 time = uint40(block.timestamp);
        if (account != p.account) {
            if (p.account != address(0)) {
                _accounts[p.account].active = false;
                _accounts[p.account].until = time;
                _tell(p.account, p.role, false);
            }
            p.account = account;
            _assignAccount(partyId, p.role, account, p.status == Status.Active, time);
        }
        if (keyThumbprint != p.keyThumbprint) {
            if (p.keyThumbprint != 0) _keys[p.keyThumbprint].until = time;
            p.keyThumbprint = keyThumbprint;
            _assignKey(partyId, keyThumbprint, time);
        }
        p.revision += 1;
        emit KeysRotated(partyId, account, keyThumbprint, proposer, msg.sender, time);
    }

    /// @inheritdoc IPartyRegistry
    function withdraw(bytes32 proposal) external override onlyAdmin {
        if (_proposals[proposal].proposer == address(0)) revert NotProposed(proposal);
        delete _proposals[proposal];
        emit ProposalWithdrawn(proposal, msg.sender);
    }

    /// @inheritdoc IPartyRegistry
    function party(bytes32 partyId) external view override returns (Party memory) {
        return _parties[partyId];
    }

    /// @inheritdoc IPartyRegistry
    function partyOf(address account) external view override returns (bytes32 partyId) {
        return _accounts[account].partyId;
    }

    /// @inheritdoc IPartyRegistry
    function isActive(address account, Role role) external view override returns (bool) {
        AccountRecord storage record = _accounts[account];
        return record.active && record.role == role;
    }

    /// @inheritdoc IPartyRegistry
    function keyHolder(bytes32 keyThumbprint) external view override returns (bytes32 partyId) {
        return _keys[keyThumbprint].partyId;
    }

    /// @inheritdoc IPartyRegistry
    function isActiveKey(bytes32 keyThumbprint, Role role) external view override returns (bool) {
        if (keyThumbprint == 0) return false;
        Party storage p = _parties[_keys[keyThumbprint].partyId];
        return p.status == Status.Active && p.role == role && p.keyThumbprint == keyThumbprint;
    }

    /// @inheritdoc IPartyRegistry
    function accountRecord(address account) external view override returns (AccountRecord memory) {
        return _accounts[account];
    }

    /// @inheritdoc IPartyRegistry
    function keyRecord(bytes32 keyThumbprint) external view override returns (KeyRecord memory) {
        return _keys[keyThumbprint];
    }

    /// @inheritdoc IPartyRegistry
    function proposalOf(bytes32 proposal) external view override returns (address proposer, uint40 until) {
        Proposal storage p = _proposals[proposal];
        return (p.proposer, p.until);
    }

    /// @inheritdoc IPartyRegistry
    function admins() external view override returns (address[] memory) {
        return _admins;
    }

    function _admission(
        bytes32 partyId,
        Role role,
        address account,
        bytes32 keyThumbprint,
        bytes32 metadataHash
    ) private pure returns (bytes32) {
        return keccak256(abi.encode(Act.Admission, partyId, role, account, keyThumbprint, metadataHash));
    }

    function _reinstatement(bytes32 partyId, uint32 revision) private pure returns (bytes32) {
        return keccak256(abi.encode(Act.Reinstatement, partyId, revision));
    }

    function _rotation(bytes32 partyId, uint32 revision, address account, bytes32 keyThumbprint)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(Act.Rotation, partyId, revision, account, keyThumbprint));
    }

    function _checkAdmission(bytes32 partyId, Role role, address account, bytes32 keyThumbprint) private view {
        if (partyId == 0) revert PartyIdRequired();
        if (role == Role.None) revert RoleRequired();
        if (_parties[partyId].status != Status.None) revert AlreadyAdmitted(partyId);
        if (account == address(0) && role != Role.Entity) revert AccountRequired(role);
        _checkFree(account, keyThumbprint);
    }

    function _checkRotation(bytes32 partyId, Party storage p, address account, bytes32 keyThumbprint) private view {
        if (p.status == Status.None) revert WrongStatus(partyId, Status.None);
        bool sameAccount = account == p.account;
        bool sameKey = keyThumbprint == p.keyThumbprint;
        if (sameAccount && sameKey) revert NothingToRotate(partyId);
        if (account == address(0) && p.role != Role.Entity) revert AccountRequired(p.role);
        _checkFree(sameAccount ? address(0) : account, sameKey ? bytes32(0) : keyThumbprint);
    }

    /// @dev Zero stands for "none" and is always free.
    function _checkFree(address account, bytes32 keyThumbprint) private view {
        if (isAdmin[account]) revert AccountIsAdmin(account);
        bytes32 accountHolder = _accounts[account].partyId;
        if (accountHolder != 0) revert AccountTaken(account, accountHolder);
        bytes32 holder = _keys[keyThumbprint].partyId;
        if (holder != 0) revert KeyTaken(keyThumbprint, holder);
    }

    function _assignAccount(bytes32 partyId, Role role, address account, bool active, uint40 time) private {
        if (account == address(0)) return;
        _accounts[account] = AccountRecord({partyId: partyId, role: role, active: active, since: time, until: 0});
        _tell(account, role, active);
    }

    /// @dev In the transaction that changes it: nothing can be done in between under a role that has ended. The
    /// books are this project's own contracts and call nobody.
    function _tell(address account, Role role, bool active) private {
        Role said = active ? role : Role.None;
        if (role == Role.Department) anchors.setRole(account, said);
        if (role == Role.Regulator || role == Role.Operator) grants.setRole(account, said);
        if (role == Role.Operator) log.setRole(account, said);
    }

    function _assignKey(bytes32 partyId, bytes32 keyThumbprint, uint40 time) private {
        if (keyThumbprint == 0) return;
        _keys[keyThumbprint] = KeyRecord({partyId: partyId, since: time, until: 0});
    }

    function _open(bytes32 proposal) private returns (bytes32, uint40 until) {
        Proposal storage open = _proposals[proposal];
        address proposer = open.proposer;
        if (proposer != address(0) && block.timestamp <= open.until) revert AlreadyProposed(proposal, proposer);
        until = uint40(block.timestamp) + PROPOSAL_LIFE;
        _proposals[proposal] = Proposal({proposer: msg.sender, until: until});
        return (proposal, until);
    }

    function _confirm(bytes32 proposal) private returns (address proposer) {
        Proposal storage open = _proposals[proposal];
        proposer = open.proposer;
        if (proposer == address(0)) revert NotProposed(proposal);
        if (block.timestamp > open.until) revert ProposalExpired(proposal, open.until);
        if (proposer == msg.sender) revert SecondPersonRequired(msg.sender);
        delete _proposals[proposal];
    }
}
