import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/createRoom`
    static let createRoom = ClientEndpoint(.post, "/createRoom") { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let created = try await context.services.rooms.create(
            try request.body(), creator: requester.sender(), on: loop)
        var body: JSON = ["room_id": .string(created.roomID)]
        body["room_alias"] = created.alias.map { .string($0) }
        return .json(body)
    }
}
