import HTTPServer
import HTTPWire
import JSON
import Matrix
import Services
import Storage

extension ClientRequest {
    /// A membership of the query. Throws M_INVALID_PARAM.
    fileprivate func membership(_ name: String) throws(MatrixError) -> String? {
        guard let text = query(name) else { return nil }
        guard Membership(rawValue: text) != nil else {
            throw .invalidParameter("\(name) is not a membership")
        }
        return text
    }
}

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/rooms/{roomId}/members`
    static let members = ClientEndpoint(.get, "/rooms/{roomId}/members") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let events = try await context.services.rooms.members(
            of: request.path("roomId"), membership: try request.membership("membership"),
            notMembership: try request.membership("not_membership"), for: requester.owner, on: loop)
        return .list("chunk", events)
    }

    /// `GET /_matrix/client/{r0|v3}/rooms/{roomId}/joined_members`
    static let joinedMembers = ClientEndpoint(.get, "/rooms/{roomId}/joined_members") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let members = try await context.services.rooms.joinedMembers(
            of: request.path("roomId"), for: requester.userID, on: loop)
        var joined = JSON.Object()
        for member in members {
            var profile = JSON([:])
            profile["display_name"] = member.profile.displayName.map { .string($0) } ?? .null
            profile["avatar_url"] = member.profile.avatarURL.map { .string($0) } ?? .null
            joined[member.userID] = profile
        }
        return .json(["joined": .object(joined)])
    }

    /// `GET /_matrix/client/{r0|v3}/joined_rooms`
    static let joinedRooms = ClientEndpoint(.get, "/joined_rooms") { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let rooms = try await context.services.rooms.joinedRooms(
            of: requester.userID, on: loop)
        return .json(["joined_rooms": .array(rooms.map { .string($0) })])
    }
}
