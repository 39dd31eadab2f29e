/// What a process does: the main process or one of the six workers.
public enum WorkerRole: String, Sendable, Hashable, CaseIterable {
    /// The main process.
    case homeserver
    /// Sends push notifications.
    case pusher
    /// Serves `/sync` and its older relatives.
    case synchrotron
    /// Sends events to application services.
    case appservice
    /// Answers federation traffic.
    case federationReader = "federation_reader"
    /// Serves the media repository.
    case mediaRepository = "media_repository"
    /// Serves client endpoints such as `/publicRooms`.
    case clientReader = "client_reader"

    /// The six roles that are not the main process.
    public static let workers: [WorkerRole] = allCases.filter { $0 != .homeserver }

    /// The name in `worker_app`, for example `synapse.app.synchrotron`.
    public var appName: String { "synapse.app.\(rawValue)" }

    /// Reads a `worker_app`; `beamline.app.…` means the same as `synapse.app.…`.
    public init?(appName: String) {
        for prefix in ["synapse.app.", "beamline.app."] where appName.hasPrefix(prefix) {
            self.init(rawValue: String(appName.dropFirst(prefix.count)))
            return
        }
        return nil
    }

    /// The resources that a process of this role has something to serve for.
    public var resources: Set<ResourceName> {
        switch self {
        case .homeserver: Set(ResourceName.allCases)
        case .pusher, .appservice: [.metrics, .health]
        case .synchrotron, .clientReader: [.client, .metrics, .health]
        case .federationReader: [.federation, .keys, .openid, .metrics, .health]
        case .mediaRepository: [.media, .metrics, .health]
        }
    }
}
