import HTTPServer
import HTTPWire
import JSON
import Services
import Storage

extension ClientEndpoint {
    /// `PUT /_matrix/client/{r0|v3}/presence/{userId}/status`
    static let putPresence = ClientEndpoint(.put, "/presence/{userId}/status") {
        request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        let body = try request.body()
        guard let value = body["presence"] else { throw MatrixError.missingParameter("presence") }
        guard let text = value.stringValue else {
            throw MatrixError.badJSON("presence must be a string")
        }
        guard let state = PresenceState(rawValue: text) else {
            throw MatrixError.invalidParameter("presence must be online, unavailable or offline")
        }
        var message: String?
        if let value = body["status_msg"], !value.isNull {
            guard let text = value.stringValue else {
                throw MatrixError.badJSON("status_msg must be a string")
            }
            message = text
        }
        try context.services.limits.setPresence(requester.subject)
        try await context.services.presence.set(
            state, message: message, userID: requester.userID,
            deviceID: requester.owner.deviceID, on: loop)
        return .emptyObject
    }

    /// `GET /_matrix/client/{r0|v3}/presence/{userId}/status`
    static let getPresence = ClientEndpoint(.get, "/presence/{userId}/status") {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let presence = try await context.services.presence.presence(
            of: request.path("userId"), for: requester.userID, on: loop)
        return .json(presence)
    }
}
