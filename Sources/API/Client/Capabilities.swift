import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/capabilities`
    static let capabilities = ClientEndpoint(.get, "/capabilities", .second) {
        request, context, loop in
        _ = try await context.requester(of: request, on: loop)
        var versions = JSON([:])
        for version in context.services.rooms.supportedVersions {
            versions[version] = "stable"
        }
        return .json([
            "capabilities": [
                "m.room_versions": [
                    "default": .string(context.services.settings.defaultRoomVersion),
                    "available": versions,
                ],
                "m.change_password": ["enabled": false],
                "m.set_displayname": ["enabled": true],
                "m.set_avatar_url": ["enabled": true],
                "m.3pid_changes": ["enabled": false],
            ]
        ])
    }
}
