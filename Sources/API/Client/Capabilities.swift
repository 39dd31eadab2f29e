import Configuration
import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/capabilities`
    static let capabilities = ClientEndpoint(.get, "/capabilities", .second) {
        request, context, loop in
        _ = try await context.requester(of: request, on: loop)
        let settings = context.services.settings
        var versions = JSON([:])
        for version in context.services.rooms.supportedVersions {
            versions[version] = "stable"
        }
        return .json([
            "capabilities": [
                "m.room_versions": [
                    "default": .string(settings.defaultRoomVersion), "available": versions,
                ],
                "m.change_password": ["enabled": true],
                "m.set_displayname": ["enabled": true],
                "m.set_avatar_url": ["enabled": true],
                "m.profile_fields": ["enabled": true],
                "m.3pid_changes": ["enabled": false],
                "m.get_login_token": ["enabled": .bool(settings.sessions.allowsLoginTokens)],
            ]
        ])
    }
}
