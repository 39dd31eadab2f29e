internal import Configuration
internal import Reactor
internal import ReplicationWire

/// The table of roles: what each `worker_app` follows and what it does not do yet.
struct RoleDescription {
    /// The streams that a worker of this role follows; the main process feeds them.
    var streams: [StreamName]
    /// What people expect of the role and this release does not do, for the log.
    var missing: String?
}

enum Roles {
    static func description(of role: WorkerRole) -> RoleDescription {
        switch role {
        case .homeserver:
            RoleDescription(streams: [], missing: nil)
        case .synchrotron:
            RoleDescription(
                streams: [
                    .events, .typing, .receipts, .accountData, .tagAccountData, .caches,
                    .presence, .toDevice, .deviceLists, .pushRules,
                ],
                missing: nil)
        case .pusher:
            RoleDescription(
                streams: [
                    .events, .backfill, .pushers, .receipts, .accountData, .tagAccountData, .caches,
                ],
                missing: "follows its streams, but does not send push notifications yet")
        case .appservice:
            RoleDescription(
                streams: [.events, .backfill, .caches],
                missing: "follows its streams, but does not send to application services yet")
        case .federationReader:
            RoleDescription(
                streams: [.events, .backfill, .publicRooms, .caches],
                missing: "follows its streams, but does not answer other servers yet")
        case .mediaRepository:
            RoleDescription(
                streams: [.caches],
                missing: "follows its streams, but does not serve media yet")
        case .clientReader:
            RoleDescription(
                streams: [.events, .backfill, .publicRooms, .caches],
                missing: "follows its streams, but does not serve /publicRooms yet")
        }
    }

    static func assemble(
        _ environment: ProcessEnvironment, on loop: isolated EventLoop
    ) -> any RoleProcess {
        switch environment.configuration.role {
        case .homeserver: MainProcess(environment)
        case .synchrotron, .pusher, .appservice, .federationReader, .mediaRepository,
            .clientReader:
            WorkerProcess(environment)
        }
    }
}
