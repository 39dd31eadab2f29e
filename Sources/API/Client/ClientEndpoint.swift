import HTTPServer
import HTTPWire
import Reactor

/// An endpoint of the client-server API: where it is and what answers it.
struct ClientEndpoint: Sendable {
    typealias Handler =
        @Sendable (ClientRequest, ClientContext, isolated EventLoop) async throws -> HTTPResponse

    /// The prefixes an endpoint has had over the years.
    enum Era: Sendable {
        /// From the first version of the API: also under `api/v1`.
        case first
        /// From the second: also under `v2_alpha`.
        case second
        /// From when endpoints got versions of their own: under `v1`.
        case own
        /// Named in full; the path is no suffix.
        case whole

        var prefixes: [String] {
            switch self {
            case .first:
                ["/_matrix/client/{version:r0|v3|unstable}", "/_matrix/client/api/v1"]
            case .second:
                ["/_matrix/client/{version:r0|v3|unstable|v2_alpha}"]
            case .own:
                ["/_matrix/client/{version:v1|unstable}"]
            case .whole: [""]
            }
        }

        /// The prefix under which the specification has it.
        var documentedPrefix: String {
            switch self {
            case .first, .second: "/_matrix/client/v3"
            case .own: "/_matrix/client/v1"
            case .whole: ""
            }
        }
    }

    let method: HTTPMethod
    let path: String
    let era: Era
    let handler: Handler

    init(
        _ method: HTTPMethod, _ path: String, _ era: Era = .first, _ handler: @escaping Handler
    ) {
        self.method = method
        self.path = path
        self.era = era
        self.handler = handler
    }
}
