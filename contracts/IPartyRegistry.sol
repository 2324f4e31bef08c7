// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {IRoleBook} from "./IRoleBook.sol";

/// @dev Seconds for which a proposal of one administrator can be confirmed by another.
uint40 constant PROPOSAL_LIFE = 7 days;

/// @title Who takes part, in which role, under which keys
/// @notice Departments, entities, regulators and operators stand here, admitted by two different
/// administrators. Nobody that describes a person is ever a party. The administrators are fixed when the
/// contract is created; a verifier learns them from its trust file, not from here.
/// @dev A proposal is its content: the second administrator repeats every argument of the first, so nobody
/// can swap what is about to be confirmed. A proposal also binds the party's revision and lapses with any
/// change of the party, or by itself after seven days. Accounts and key thumbprints belong to one party for ever: a retired one still
/// names its holder (old certificates and requests stay attributable) but is never given out again.
interface IPartyRegistry {
    /// @notice What a party does; one role for each party. `None` means "no such party".
    enum Role {
        None,
        Department,
        Entity,
        Regulator,
        Operator
    }

    /// @notice `None` means "never admitted".
    enum Status {
        None,
        Active,
        Suspended
    }

    /// @notice A party as it stands now.
    /// @param account Ethereum account; zero only for an entity that sends no transactions
    /// @param role its one role
    /// @param status active or suspended
    /// @param admittedAt block time of its admission, in seconds
    /// @param revision number of changes since then; proposals bind it
    /// @param keyThumbprint RFC 7638 SHA-256 thumbprint of its HTTP signing key; zero if it has none
    /// @param metadataHash SHA-256 of the party's published description
    struct Party {
        address account;
        Role role;
        Status status;
        uint40 admittedAt;
        uint32 revision;
        bytes32 keyThumbprint;
        bytes32 metadataHash;
    }

    /// @notice What is known of an account.
    /// @param partyId its holder, present or past; zero if it never had one
    /// @param role the holder's role
    /// @param active true while the account is current and its holder is not suspended
    /// @param since block time from which it was the holder's account, in seconds
    /// @param until block time at which it was retired; zero while it is current
    struct AccountRecord {
        bytes32 partyId;
        Role role;
        bool active;
        uint40 since;
        uint40 until;
    }

    /// @notice What is known of a key thumbprint; fields as in `AccountRecord`.
    struct KeyRecord {
        bytes32 partyId;
        uint40 since;
        uint40 until;
    }

    /// @notice An administrator asked for a party to be admitted; `proposal` is the key of the open proposal, `until`
    /// the last second at which it can be confirmed.
    event PartyProposed(
        bytes32 indexed partyId,
        bytes32 indexed proposal,
        Role role,
        address account,
        bytes32 keyThumbprint,
        bytes32 metadataHash,
        address proposer,
        uint40 until
    );

    /// @notice Two administrators admitted a party.
    event PartyAdmitted(
        bytes32 indexed partyId,
        address indexed account,
        Role role,
        bytes32 keyThumbprint,
        bytes32 metadataHash,
        address proposer,
        address admitter,
        uint40 time
    );

    /// @notice One administrator suspended a party; its accounts and keys are inactive from this block on.
    event PartySuspended(bytes32 indexed partyId, address admin, uint40 time);

    /// @notice An administrator asked for a suspended party to be reinstated.
    event ReinstatementProposed(
        bytes32 indexed partyId, bytes32 indexed proposal, address proposer, uint40 until
    );

    /// @notice Two administrators reinstated a party.
    event PartyReinstated(bytes32 indexed partyId, address proposer, address approver, uint40 time);

    /// @notice An administrator asked for a party's account and key to be replaced.
    event RotationProposed(
        bytes32 indexed partyId,
        bytes32 indexed proposal,
        address account,
        bytes32 keyThumbprint,
        address proposer,
        uint40 until
    );

    /// @notice Two administrators replaced a party's account, key or both; the values are those in force now.
    event KeysRotated(
        bytes32 indexed partyId,
        address indexed account,
        bytes32 keyThumbprint,
        address proposer,
        address approver,
        uint40 time
    );

    /// @notice An administrator withdrew an open proposal, their own or another's.
    event ProposalWithdrawn(bytes32 indexed proposal, address admin);

    /// @notice The caller is no administrator.
    error NotAdmin(address caller);
    /// @notice Two-person rules need at least two administrators.
    error TooFewAdmins(uint256 count);
    /// @notice An administrator is zero or named twice.
    error InvalidAdmin(address admin);
    /// @notice Zero is no party.
    error PartyIdRequired();
    /// @notice A party needs a role.
    error RoleRequired();
    /// @notice Only an entity may go without an account.
    error AccountRequired(Role role);
    /// @notice An administrator's account cannot also be a party's.
    error AccountIsAdmin(address account);
    /// @notice The account belongs, or belonged, to a party.
    error AccountTaken(address account, bytes32 partyId);
    /// @notice The key belongs, or belonged, to a party.
    error KeyTaken(bytes32 keyThumbprint, bytes32 partyId);
    /// @notice The party was admitted before.
    error AlreadyAdmitted(bytes32 partyId);
    /// @notice The party does not stand in the status that this act needs.
    error WrongStatus(bytes32 partyId, Status status);
    /// @notice The rotation would replace nothing.
    error NothingToRotate(bytes32 partyId);
    /// @notice The same proposal is open already; another administrator confirms it instead.
    error AlreadyProposed(bytes32 proposal, address proposer);
    /// @notice No open proposal has exactly this content at the party's present revision.
    error NotProposed(bytes32 proposal);
    /// @notice The proposal was open until that second; it must be made anew.
    error ProposalExpired(bytes32 proposal, uint40 until);
    /// @notice The proposer cannot confirm their own proposal.
    error SecondPersonRequired(address admin);

    /// @notice Asks for a party to be admitted. First of two persons.
    /// @param partyId SHA-256 of the party's identifier with the service
    /// @param role its role
    /// @param account its account; zero only for an entity
    /// @param keyThumbprint thumbprint of its HTTP signing key, or zero
    /// @param metadataHash SHA-256 of its published description
    /// @return proposal key of the open proposal
    function propose(bytes32 partyId, Role role, address account, bytes32 keyThumbprint, bytes32 metadataHash)
        external
        returns (bytes32 proposal);

    /// @notice Admits a party that another administrator proposed with the very same content.
    function admit(bytes32 partyId, Role role, address account, bytes32 keyThumbprint, bytes32 metadataHash) external;

    /// @notice Suspends an active party at once. One person: stopping must be quick, restarting must not.
    function suspend(bytes32 partyId) external;

    /// @notice Asks for a suspended party to be reinstated. First of two persons.
    function proposeReinstatement(bytes32 partyId) external returns (bytes32 proposal);

    /// @notice Reinstates a suspended party. Second of two persons.
    function reinstate(bytes32 partyId) external;

    /// @notice Asks for a party's account and key to be replaced; repeat the present value of what stays.
    /// First of two persons. Possible while suspended, for that is when a key is known to be lost.
    function proposeRotation(bytes32 partyId, address account, bytes32 keyThumbprint)
        external
        returns (bytes32 proposal);

    /// @notice Replaces a party's account and key. Second of two persons.
    function rotate(bytes32 partyId, address account, bytes32 keyThumbprint) external;

    /// @notice Withdraws an open proposal.
    function withdraw(bytes32 proposal) external;

    /// @notice The party, all zero if it was never admitted.
    function party(bytes32 partyId) external view returns (Party memory);

    /// @notice The party that holds or held the account; zero if none ever did.
    function partyOf(address account) external view returns (bytes32 partyId);

    /// @notice Whether the account is the current one of an active party of this role.
    function isActive(address account, Role role) external view returns (bool);

    /// @notice The party that holds or held the key; zero if none ever did. A signature made today counts
    /// only under a current key: compare with `party(id).keyThumbprint`, or ask `isActiveKey`.
    function keyHolder(bytes32 keyThumbprint) external view returns (bytes32 partyId);

    /// @notice Whether the key is the current one of an active party of this role.
    function isActiveKey(bytes32 keyThumbprint, Role role) external view returns (bool);

    /// @notice The account's holder and the time for which it was theirs.
    function accountRecord(address account) external view returns (AccountRecord memory);

    /// @notice The key's holder and the time for which it was theirs.
    function keyRecord(bytes32 keyThumbprint) external view returns (KeyRecord memory);

    /// @notice Who opened the proposal and the last second at which it can be confirmed; zero if there is none. One
    /// that has expired is shown until it is made anew or withdrawn.
    function proposalOf(bytes32 proposal) external view returns (address proposer, uint40 until);

    /// @notice The administrators, as fixed at creation.
    function admins() external view returns (address[] memory);

    /// @notice Whether the account is an administrator.
    function isAdmin(address account) external view returns (bool);

    /// @notice CertificateAnchors, which is told of departments.
    function anchors() external view returns (IRoleBook);

    /// @notice Grants, which is told of regulators and operators.
    function grants() external view returns (IRoleBook);

    /// @notice ReceiptLog, which is told of operators.
    function log() external view returns (IRoleBook);
}
