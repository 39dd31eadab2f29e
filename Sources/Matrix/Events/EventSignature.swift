import Crypto
public import JSON

/// The signatures of an event, which cover what a redaction leaves.
///
/// Specification: server-server, "Signing Events".
public enum EventSignature {
    /// Adds the content hash and a signature.
    public static func hashAndSign(
        _ event: inout JSON.Object, version: RoomVersion, with key: SigningKey,
        as server: ServerName
    ) {
        _ = hashSignAndIdentify(&event, version: version, with: key, as: server)
    }

    /// Whether the event carries a valid signature of the server with this key.
    public static func isValid(
        _ event: JSON.Object, version: RoomVersion, by server: ServerName,
        keyIdentifier: String, key: VerifyKey
    ) -> Bool {
        Redaction.redact(event, version: version)
            .isSigned(by: server, keyIdentifier: keyIdentifier, key: key)
    }

    /// The servers that must have signed the event: the sender's; in room versions 1 and 2 also the
    /// one that chose the identifier; of a restricted join also that of the member who vouches. An
    /// invitation by a third party need not be signed by its sender's server, which may not be the
    /// one that sends it.
    ///
    /// Specification: server-server, "Validating hashes and signatures on received events"; room
    /// version 8, "Authorisation rules", 4.2.
    public static func requiredServers(for event: Event) -> Set<ServerName> {
        var servers: Set<ServerName> = []
        let isThirdPartyInvite =
            event.membership == .invite && event.content["third_party_invite"] != nil
        if !isThirdPartyInvite { servers.insert(event.sender.server) }
        if event.version.eventIDFormat == .chosen, let server = event.eventID.server {
            servers.insert(server)
        }
        if event.version.allowsRestrictedJoins, event.membership == .join,
            let voucher = event.content["join_authorised_via_users_server"]?.stringValue,
            let user = UserID(voucher)
        {
            servers.insert(user.server)
        }
        return servers
    }

    /// The servers among those given that have signed the event: at least one of a server's
    /// signatures is by a known key, and all that are by known keys are valid.
    ///
    /// - Parameters:
    ///   - event: The event, whole or redacted.
    ///   - servers: The servers in question, such as `requiredServers(for:)`.
    ///   - key: The server's key of this identifier; nil if it is not known or had expired when the
    ///     event was sent.
    /// - Returns: The servers whose signatures hold.
    public static func servers(
        signing event: Event, among servers: Set<ServerName>,
        key: (ServerName, _ identifier: String) -> VerifyKey?
    ) -> Set<ServerName> {
        let covered = Redaction.redact(event.json, version: event.version).signedBytes
        return servers.filter { server in
            var isSigned = false
            for (identifier, text) in event.json["signatures"]?[server.text]?.objectValue ?? [:] {
                // Of algorithms that we do not know we know no keys.
                guard identifier.hasPrefix("ed25519:"), let key = key(server, identifier) else {
                    continue
                }
                guard let signature = text.stringValue.flatMap({ Base64.decode($0) }),
                    key.verifies(signature, of: covered)
                else { return false }
                isSigned = true
            }
            return isSigned
        }
    }

    /// Signing and identifying cover the same bytes, so both are done in one go.
    static func hashSignAndIdentify(
        _ event: inout JSON.Object, version: RoomVersion, with key: SigningKey,
        as server: ServerName
    ) -> EventID {
        event["hashes"] = [
            "sha256": .string(Base64.encode(EventHash.contentHash(of: event)))
        ]
        let covered = Redaction.redact(event, version: version).signedBytes
        event.addSignature(Base64.encode(key.signature(of: covered)), by: server, key: key)
        if version.eventIDFormat == .chosen {
            return EventHash.eventID(of: event, version: version)
        }
        return EventHash.eventID(hash: Array(SHA256.hash(data: covered)), version: version)
    }
}
