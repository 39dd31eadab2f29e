import HTTPWire

/// What guests may do, which is little. Specification: client-server API, "Guest Access".
enum GuestAccess {
    /// Whether guests may use an endpoint.
    static func allows(_ method: HTTPMethod, _ path: String) -> Bool {
        allowed.contains("\(method.name) \(path)")
    }

    static let allowed: Set<String> = [
        // Reading rooms.
        "GET /rooms/{roomId}/state", "GET /rooms/{roomId}/context/{eventId}",
        "GET /rooms/{roomId}/event/{eventId}", "GET /rooms/{roomId}/state/{eventType}/{stateKey}",
        "GET /rooms/{roomId}/state/{eventType}", "GET /rooms/{roomId}/state/{eventType}/",
        "GET /rooms/{roomId}/messages", "GET /rooms/{roomId}/members",
        "GET /joined_rooms",
        // Taking part.
        "POST /rooms/{roomId}/join", "POST /join/{roomIdOrAlias}", "POST /rooms/{roomId}/leave",
        "PUT /rooms/{roomId}/send/{eventType}/{txnId}",
        "PUT /rooms/{roomId}/state/{eventType}/{stateKey}",
        "PUT /rooms/{roomId}/state/{eventType}", "PUT /rooms/{roomId}/state/{eventType}/",
        "PUT /sendToDevice/{eventType}/{txnId}",
        // Their own account.
        "PUT /profile/{userId}/displayname", "DELETE /profile/{userId}/displayname",
        "GET /devices", "GET /devices/{deviceId}", "PUT /devices/{deviceId}",
        "GET /account/whoami", "GET /capabilities", "POST /logout", "POST /logout/all",
        "POST /user/{userId}/filter", "GET /user/{userId}/filter/{filterId}", "GET /pushrules/",
        // End-to-end encryption.
        "POST /keys/upload", "POST /keys/upload/{deviceId}", "POST /keys/query",
        "POST /keys/claim", "GET /keys/changes",
    ]
}
