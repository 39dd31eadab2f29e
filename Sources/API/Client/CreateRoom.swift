import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/createRoom`
    static let createRoom = ClientEndpoint(.post, "/createRoom") { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let limits = context.services.limits
        try limits.createRoom(requester.subject)
        let body = try request.body()
        for userID in Set(body["invite"]?.arrayValue?.compactMap(\.stringValue) ?? []) {
            try limits.invite(userID, to: nil, requester.subject)
        }
        let created = try await context.services.rooms.create(
            body, creator: requester.sender(), on: loop)
        var answer: JSON = ["room_id": .string(created.roomID)]
        answer["room_alias"] = created.alias.map { .string($0) }
        return .json(answer)
    }
}
