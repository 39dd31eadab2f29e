internal import API
internal import Configuration
internal import HTTPServer

/// Paths of the client-server API that a worker serves in the main process's place.
struct ServedPath: Hashable {
    /// The methods, in capitals.
    var methods: [String]
    /// A regular expression of the whole path.
    let pattern: String
    /// Whether a request without the query's parameter `since` is a long first one.
    let hasSince: Bool
}

extension Roles {
    /// What a synchrotron serves of the client-server API.
    static func registerSynchrotron<Context: SyncServing>(into router: inout Router<Context>) {
        SyncRoutes.register(into: &router)
        LegacySyncRoutes.register(into: &router)
    }

    /// What processes of a role serve, out of the very routes that they register.
    static func served(by role: WorkerRole) -> [ServedPath] {
        var router = Router<SyncContext>()
        switch role {
        case .synchrotron: registerSynchrotron(into: &router)
        case .homeserver, .pusher, .appservice, .federationReader, .mediaRepository,
            .clientReader:
            break
        }
        var paths: [ServedPath] = []
        for (method, pattern) in router.served {
            if let index = paths.firstIndex(where: { $0.pattern == pattern }) {
                paths[index].methods.append(method)
            } else {
                let hasSince = method == "GET" && pattern.hasSuffix("/sync$")
                paths.append(
                    ServedPath(methods: [method], pattern: pattern, hasSince: hasSince))
            }
        }
        return paths
    }
}
