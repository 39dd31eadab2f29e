import JSON
import Matrix

extension RoomCreation {
    /// Reads the body of a createRoom request, except its alias.
    init(_ request: JSON, creator: UserID, defaultVersion: String) throws(MatrixError) {
        let reader = CreationReader(request: request)
        let versionText = try reader.string("room_version") ?? defaultVersion
        guard let version = RoomVersion(rawValue: versionText),
            RoomVersion.supported.contains(version)
        else {
            throw MatrixError(
                400, "M_UNSUPPORTED_ROOM_VERSION",
                "Your homeserver does not support the room version \(versionText)")
        }
        let isPublic = try reader.string("visibility") == "public"
        let presetText = try reader.string("preset")
        guard
            let preset = presetText.map({ Preset(rawValue: $0) })
                ?? (isPublic ? .publicChat : .privateChat)
        else { throw .badJSON("'\(presetText ?? "")' is not a valid preset") }
        self.init(version: version, creator: creator, preset: preset)
        creationContent = try reader.object("creation_content") ?? [:]
        if version.creatorsOutrankAll { try Self.checkCreators(creationContent) }
        powerLevelOverride = try reader.object("power_level_content_override") ?? [:]
        name = try reader.string("name")
        topic = try reader.string("topic")
        isDirect = request["is_direct"]?.boolValue ?? false
        invitees = try reader.invitees()
        initialState = try reader.initialState()
    }

    private static func checkCreators(_ content: JSON.Object) throws(MatrixError) {
        guard let creators = content["additional_creators"] else { return }
        guard let list = creators.arrayValue,
            list.allSatisfy({ $0.stringValue.flatMap { UserID($0) } != nil })
        else { throw .invalidParameter("additional_creators must be a list of user ids") }
    }
}

/// Reads members of a request with errors that name them.
private struct CreationReader {
    let request: JSON

    func string(_ key: String) throws(MatrixError) -> String? {
        guard let value = request[key], !value.isNull else { return nil }
        guard let string = value.stringValue else { throw .badJSON("\(key) must be a string") }
        return string
    }

    func object(_ key: String) throws(MatrixError) -> JSON.Object? {
        guard let value = request[key], !value.isNull else { return nil }
        guard let object = value.objectValue else { throw .badJSON("\(key) must be an object") }
        return object
    }

    func invitees() throws(MatrixError) -> [UserID] {
        guard let value = request["invite"], !value.isNull else { return [] }
        guard let list = value.arrayValue else { throw .badJSON("invite must be a list") }
        guard list.count <= RoomService.inviteesMax else {
            throw MatrixError(400, "M_UNKNOWN", "Cannot invite so many users at once")
        }
        var invitees: [UserID] = []
        for item in list {
            guard let user = item.stringValue.flatMap({ UserID($0) }) else {
                throw .invalidParameter("invite must hold user ids")
            }
            if !invitees.contains(user) { invitees.append(user) }
        }
        return invitees
    }

    func initialState() throws(MatrixError) -> [RoomCreation.InitialEvent] {
        guard let value = request["initial_state"], !value.isNull else { return [] }
        guard let list = value.arrayValue else { throw .badJSON("initial_state must be a list") }
        var events: [RoomCreation.InitialEvent] = []
        for item in list {
            guard let type = item["type"]?.stringValue,
                let content = item["content"]?.objectValue
            else { throw .badJSON("initial_state must hold events with a type and a content") }
            events.append(
                RoomCreation.InitialEvent(
                    type, stateKey: item["state_key"]?.stringValue ?? "", content: content))
        }
        return events
    }
}
