public import HTTPServer
import Reactor

/// The endpoints of the client-server API that the main process serves, except /sync.
public enum ClientRoutes {
    /// Adds every endpoint to a router, under every prefix that it has had.
    public static func register<Context: ClientServing>(into router: inout Router<Context>) {
        for endpoint in endpoints {
            let handler = endpoint.handler
            let isOpenToGuests = GuestAccess.allows(endpoint.method, endpoint.path)
            for prefix in endpoint.era.prefixes {
                router.onAsync(endpoint.method, prefix + endpoint.path, name: endpoint.path) {
                    request, context, loop in
                    let client = ClientRequest(http: request, isOpenToGuests: isOpenToGuests)
                    return try await handler(client, context.client, loop)
                }
            }
        }
    }

    static let endpoints: [ClientEndpoint] =
        accountEndpoints + deviceEndpoints + roomEndpoints + userEndpoints

    private static let accountEndpoints: [ClientEndpoint] = [
        .versions, .wellKnown, .capabilities, .register, .registerAvailable, .sharedSecretNonce,
        .sharedSecretRegister, .loginFlows, .login, .getLoginToken, .refresh, .refreshFirst,
        .logout, .logoutAll, .whoami, .changePassword, .deactivate, .openIDToken,
        .threePIDs, .postThreePID, .addThreePID, .bindThreePID, .deleteThreePID, .unbindThreePID,
        .threePIDEmailToken,
        .threePIDPhoneToken, .registerEmailToken, .registerPhoneToken, .passwordEmailToken,
        .passwordPhoneToken,
    ]

    private static let deviceEndpoints: [ClientEndpoint] = [
        .devices, .device, .putDevice, .deleteDevice, .deleteDevices, .sendToDevice,
        .uploadKeys, .uploadDeviceKeys, .queryKeys, .claimKeys, .keyChanges,
        .uploadCrossSigning, .uploadSignatures,
    ]

    private static let roomEndpoints: [ClientEndpoint] = [
        .createRoom, .joinRoom, .joinByIDOrAlias, .invite, .leave, .kick, .ban, .unban, .forget,
        .sendEvent, .putState, .putStateEmptyKey, .putStateTrailingSlash, .getState,
        .getStateEmptyKey, .getStateTrailingSlash, .getAllState, .redact, .messages, .event,
        .members, .joinedMembers, .joinedRooms, .typing, .receipt, .readMarkers,
        .getAlias, .putAlias, .deleteAlias, .eventContext, .relations, .relationsOfType,
        .relationsOfTypes, .threads, .knock, .roomAliases, .reportRoom, .reportEvent,
        .reportUser, .upgradeRoom, .timestampToEvent, .publicRooms, .searchPublicRooms, .getListing,
        .putListing,
    ]

    private static let userEndpoints: [ClientEndpoint] = [
        .putAccountData, .getAccountData, .putRoomAccountData, .getRoomAccountData, .getTags,
        .putTag, .deleteTag, .postFilter, .getFilter, .getProfile, .getDisplayName,
        .putDisplayName, .deleteDisplayName, .getAvatar, .putAvatar, .deleteAvatar,
        .getProfileField, .putProfileField, .deleteProfileField,
        .putPresence, .getPresence, .pushRules, .globalPushRules, .pushRule, .putPushRule,
        .deletePushRule, .pushRuleActions, .putPushRuleActions, .pushRuleEnabled,
        .putPushRuleEnabled, .pushers, .setPusher, .notifications,
    ]
}
