public import Services

/// What the endpoints of the client-server API work with. Lives on the main process's loop.
public final class ClientContext {
    /// The services of the main process.
    public let services: MainServices

    /// A context over these services.
    public init(services: MainServices) {
        self.services = services
    }
}

/// A server's context that has a ``ClientContext`` beside what other APIs need.
public protocol ClientServing: SendableMetatype {
    /// The client API's part.
    var client: ClientContext { get }
}

extension ClientContext: ClientServing {
    /// Itself.
    public var client: ClientContext { self }
}
