import HTTPServer
import HTTPWire
import JSON
import Services
import Storage

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/pushers`
    static let pushers = ClientEndpoint(.get, "/pushers") { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let pushers = try await context.services.pushers.pushers(of: requester.userID, on: loop)
        return .json(["pushers": .array(pushers.map(\.json))])
    }

    /// `POST /_matrix/client/{r0|v3}/pushers/set`
    static let setPusher = ClientEndpoint(.post, "/pushers/set") { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try await context.services.pushers.set(
            try request.body(), owner: requester.owner, on: loop)
        return .emptyObject
    }
}

extension Pushers.Pusher {
    /// The pusher as its owner gets it.
    fileprivate var json: JSON {
        // What is stored was parsed when it came.
        let data = (try? JSON(parsing: data)) ?? JSON([:])
        return [
            "app_id": .string(key.appID), "pushkey": .string(key.pushKey), "kind": .string(kind),
            "app_display_name": .string(appName), "device_display_name": .string(deviceName),
            "profile_tag": .string(profileTag), "lang": .string(language), "data": data,
        ]
    }
}
