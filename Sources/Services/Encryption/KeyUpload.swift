import JSON
import Storage

/// What a device uploads of its keys, checked. Specification: client-server API, `POST /keys/upload`.
struct KeyUpload {
    /// The identity keys, as canonical JSON.
    var deviceKeys: String?
    var oneTimeKeys: [OneTimeKeys.Key] = []
    var fallbackKeys: [OneTimeKeys.Key] = []

    /// Reads a request of a device. Throws M_BAD_JSON or M_INVALID_PARAM.
    init(_ body: JSON, userID: String, deviceID: String) throws(MatrixError) {
        if let keys = body["device_keys"], !keys.isNull {
            try Self.check(deviceKeys: keys, userID: userID, deviceID: deviceID)
            deviceKeys = Self.text(keys)
        }
        oneTimeKeys = try Self.keys(body, "one_time_keys")
        fallbackKeys =
            try Self.keys(body, "fallback_keys")
            + Self.keys(body, "org.matrix.msc2732.fallback_keys")
        let algorithms = fallbackKeys.map(\.algorithm)
        guard Set(algorithms).count == algorithms.count else {
            throw .invalidParameter("There is one fallback key for each algorithm")
        }
    }

    private static func check(
        deviceKeys keys: JSON, userID: String, deviceID: String
    ) throws(MatrixError) {
        guard keys.objectValue != nil else { throw .badJSON("device_keys must be an object") }
        guard keys["user_id"]?.stringValue == userID else {
            throw .invalidParameter("device_keys.user_id is not the user of the access token")
        }
        guard keys["device_id"]?.stringValue == deviceID else {
            throw .invalidParameter("device_keys.device_id is not the device of the access token")
        }
        guard let algorithms = keys["algorithms"]?.arrayValue,
            algorithms.allSatisfy({ $0.stringValue != nil })
        else { throw .badJSON("device_keys.algorithms must be a list of texts") }
        guard let named = keys["keys"]?.objectValue else {
            throw .badJSON("device_keys.keys must be an object")
        }
        for (name, key) in named {
            guard key.stringValue != nil else { throw .badJSON("device_keys.keys hold texts") }
            guard let parts = parts(name), parts.keyID == deviceID else {
                throw .invalidParameter("\(name) does not name a key of this device")
            }
        }
        guard let signatures = keys["signatures"] else {
            throw .badJSON("device_keys.signatures is missing")
        }
        try check(signatures: signatures)
    }

    /// `{"@user:server": {"ed25519:ID": "…"}}`
    private static func check(signatures: JSON) throws(MatrixError) {
        let refusal = MatrixError.badJSON("signatures must hold texts by user and key")
        guard let signers = signatures.objectValue else { throw refusal }
        for (_, made) in signers {
            guard let made = made.objectValue else { throw refusal }
            for (_, signature) in made where signature.stringValue == nil { throw refusal }
        }
    }

    private static func keys(
        _ body: JSON, _ member: String
    ) throws(MatrixError) -> [OneTimeKeys.Key] {
        guard let value = body[member], !value.isNull else { return [] }
        guard let named = value.objectValue else { throw .badJSON("\(member) must be an object") }
        var keys: [OneTimeKeys.Key] = []
        for (name, key) in named {
            guard let parts = parts(name) else {
                throw .invalidParameter("\(name) is not an algorithm and an id with a colon")
            }
            if key.objectValue != nil {
                guard key["key"]?.stringValue != nil else {
                    throw .badJSON("\(member).\(name).key must be a text")
                }
                if let signatures = key["signatures"] { try check(signatures: signatures) }
            } else if key.stringValue == nil {
                throw .badJSON("\(member).\(name) must be a text or an object")
            }
            keys.append(
                OneTimeKeys.Key(
                    algorithm: parts.algorithm, keyID: parts.keyID, json: text(key)))
        }
        return keys
    }

    private static func parts(_ name: String) -> (algorithm: String, keyID: String)? {
        guard let colon = name.firstIndex(of: ":") else { return nil }
        let algorithm = String(name[..<colon])
        let keyID = String(name[name.index(after: colon)...])
        guard !algorithm.isEmpty, !keyID.isEmpty else { return nil }
        return (algorithm, keyID)
    }

    private static func text(_ json: JSON) -> String {
        String(decoding: json.canonicalBytes, as: UTF8.self)
    }
}
