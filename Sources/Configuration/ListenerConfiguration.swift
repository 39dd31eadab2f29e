public import YAML

/// A group of endpoints that a listener can offer.
public enum ResourceName: String, Sendable, Hashable, CaseIterable {
    /// The client-server API.
    case client
    /// The federation API.
    case federation
    /// The media repository.
    case media
    /// `/_synapse/metrics`.
    case metrics
    /// `/health`, which every HTTP listener has anyway.
    case health
    /// The server's signing keys.
    case keys
    /// OpenID token checks of federation.
    case openid
}

/// What a listener binds.
public enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// A port on an address; an empty host is every IPv4 address of the machine.
    case tcp(host: String, port: UInt16)
    /// A socket in the file system.
    case unix(path: String, mode: UInt32?)

    /// `127.0.0.1:8008`, `[::1]:8008` or `unix:/path`.
    public var description: String {
        switch self {
        case .tcp(let host, let port):
            let shown = host.isEmpty ? "0.0.0.0" : host
            return shown.contains(":") ? "[\(shown)]:\(port)" : "\(shown):\(port)"
        case .unix(let path, _): return "unix:\(path)"
        }
    }
}

/// One entry of `listeners` or `worker_listeners`.
public struct ListenerConfiguration: Sendable, Hashable {
    /// What is spoken on the listener.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// HTTP with the resources that are named.
        case http
        /// The replication protocol; only the main process has it.
        case replication
        /// HTTP with nothing but `/_synapse/metrics`.
        case metrics
    }

    /// One entry of `resources`.
    public struct Resource: Sendable, Hashable {
        /// What is offered.
        public var names: [ResourceName]
        /// Whether answers may be compressed.
        public var compress: Bool

        /// An entry.
        public init(names: [ResourceName], compress: Bool = false) {
            self.names = names
            self.compress = compress
        }
    }

    /// What is spoken.
    public var kind: Kind
    /// Where the listener binds, at least one place.
    public var addresses: [ListenAddress]
    /// Names the listener in the access log; the port where nothing is given.
    public var tag: String
    /// Whether TLS is spoken, with the certificate of ``BeamlineConfiguration/tls``.
    public var isTLS: Bool
    /// Whether other processes listen on the same port (`SO_REUSEPORT`), as replicas do.
    public var sharesPort = false
    /// Whether `X-Forwarded-For` of the proxy in front is believed.
    public var isBehindProxy: Bool
    /// What is offered over HTTP.
    public var resources: [Resource]
    /// Where the listener is configured, for messages when it cannot bind.
    public var position: SourcePosition

    /// A listener.
    public init(
        kind: Kind, addresses: [ListenAddress], tag: String = "", isTLS: Bool = false,
        isBehindProxy: Bool = false, resources: [Resource] = [],
        position: SourcePosition = SourcePosition(file: "(made by hand)")
    ) {
        self.kind = kind
        self.addresses = addresses
        self.tag = tag
        self.isTLS = isTLS
        self.isBehindProxy = isBehindProxy
        self.resources = resources
        self.position = position
    }

    /// Every resource that is offered.
    public var resourceNames: Set<ResourceName> { Set(resources.flatMap(\.names)) }
}
