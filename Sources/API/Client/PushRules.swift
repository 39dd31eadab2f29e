import HTTPServer
import HTTPWire
import JSON

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/pushrules/`
    static let pushRules = ClientEndpoint(.get, "/pushrules/") { request, context, loop in
        _ = try await context.requester(of: request, on: loop)
        // Rules of one's own come with push; until then clients get a ruleset that has none.
        let kinds: JSON = [
            "override": [], "content": [], "room": [], "sender": [], "underride": [],
        ]
        return .json(["global": kinds])
    }
}
