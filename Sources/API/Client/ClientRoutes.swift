public import HTTPServer
import Reactor

/// The endpoints of the client-server API that the main process serves, except /sync.
public enum ClientRoutes {
    /// Adds every endpoint to a router, under every prefix that it has had.
    public static func register<Context: ClientServing>(into router: inout Router<Context>) {
        for endpoint in endpoints {
            let handler = endpoint.handler
            for prefix in endpoint.era.prefixes {
                router.onAsync(endpoint.method, prefix + endpoint.path, name: endpoint.path) {
                    request, context, loop in
                    try await handler(ClientRequest(http: request), context.client, loop)
                }
            }
        }
    }

    private static let endpoints: [ClientEndpoint] =
        accountEndpoints + roomEndpoints + userEndpoints

    private static let accountEndpoints: [ClientEndpoint] = [
        .versions, .capabilities, .register, .registerAvailable, .loginFlows, .login, .logout,
        .logoutAll, .whoami, .devices,
    ]

    private static let roomEndpoints: [ClientEndpoint] = [
        .createRoom, .joinRoom, .joinByIDOrAlias, .invite, .leave, .kick, .ban, .unban, .forget,
        .sendEvent, .putState, .putStateEmptyKey, .putStateTrailingSlash, .getState,
        .getStateEmptyKey, .getStateTrailingSlash, .getAllState, .redact, .messages, .event,
        .members, .joinedMembers, .joinedRooms, .typing, .receipt, .readMarkers,
        .getAlias, .putAlias, .deleteAlias,
    ]

    private static let userEndpoints: [ClientEndpoint] = [
        .putAccountData, .getAccountData, .putRoomAccountData, .getRoomAccountData, .getTags,
        .putTag, .deleteTag, .postFilter, .getFilter, .getProfile, .getDisplayName,
        .putDisplayName, .getAvatar, .putAvatar, .pushRules, .globalPushRules,
    ]
}
