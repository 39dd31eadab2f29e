import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `GET /.well-known/matrix/client`
    static let wellKnown = ClientEndpoint(.get, "/.well-known/matrix/client", .whole) {
        _, context, _ in
        guard let address = context.services.settings.publicBaseURL else {
            throw MatrixError.notFound(".well-known not available")
        }
        return .json(["m.homeserver": ["base_url": .string(address)]])
    }
}
