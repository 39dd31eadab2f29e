import JSON
import Storage

/// Whose keys a client wants to know. Specification: client-server API, `POST /keys/query`.
struct KeyQuery {
    /// Users of this server.
    var users: [String] = []
    /// Their devices; nil for all of a user's.
    var devices: [(userID: String, deviceID: String?)] = []
    /// Servers that cannot be asked.
    var unreachable: Set<String> = []

    /// Reads a request. Throws M_MISSING_PARAM or M_BAD_JSON.
    init(_ body: JSON, _ serverName: String) throws(MatrixError) {
        guard let asked = body["device_keys"] else { throw .missingParameter("device_keys") }
        guard let asked = asked.objectValue else { throw .badJSON("device_keys must be an object") }
        for (userID, list) in asked {
            guard let server = userID.server else {
                throw .invalidParameter("\(userID) is no user")
            }
            guard let list = list.arrayValue else {
                throw .badJSON("device_keys.\(userID) must be a list")
            }
            var ids: [String] = []
            for item in list {
                guard let id = item.stringValue else {
                    throw .badJSON("device_keys.\(userID) must be a list of texts")
                }
                ids.append(id)
            }
            guard server == serverName else {
                unreachable.insert(server)
                continue
            }
            users.append(userID)
            devices += ids.isEmpty ? [(userID, nil)] : Set(ids).sorted().map { (userID, $0) }
        }
    }
}

/// Which keys a client wants to have. Specification: client-server API, `POST /keys/claim`.
struct KeyClaim {
    /// One key of each.
    var claims: [OneTimeKeys.Claim] = []
    /// Servers that cannot be asked.
    var unreachable: Set<String> = []

    /// Reads a request. Throws M_MISSING_PARAM or M_BAD_JSON.
    init(_ body: JSON, _ serverName: String) throws(MatrixError) {
        guard let asked = body["one_time_keys"] else { throw .missingParameter("one_time_keys") }
        guard let asked = asked.objectValue else {
            throw .badJSON("one_time_keys must be an object")
        }
        for (userID, devices) in asked {
            guard let server = userID.server else {
                throw .invalidParameter("\(userID) is no user")
            }
            guard let devices = devices.objectValue else {
                throw .badJSON("one_time_keys.\(userID) must be an object")
            }
            for (deviceID, algorithm) in devices {
                guard let algorithm = algorithm.stringValue else {
                    throw .badJSON("one_time_keys.\(userID).\(deviceID) must be an algorithm")
                }
                claims.append(
                    OneTimeKeys.Claim(userID: userID, deviceID: deviceID, algorithm: algorithm))
            }
            guard server == serverName else {
                unreachable.insert(server)
                claims.removeAll { $0.userID == userID }
                continue
            }
        }
        // In a fixed order, so that two requests cannot wait for each other.
        claims.sort {
            ($0.userID, $0.deviceID, $0.algorithm) < ($1.userID, $1.deviceID, $1.algorithm)
        }
    }
}

extension String {
    /// The server in a user id; nil if it is no user id.
    fileprivate var server: String? {
        guard hasPrefix("@"), let colon = firstIndex(of: ":") else { return nil }
        let server = self[index(after: colon)...]
        return server.isEmpty ? nil : String(server)
    }
}

/// Puts together what `POST /keys/query` answers.
struct KeyQueryAnswer {
    private var devices: JSON.Object = [:]
    private var kinds: [String: JSON.Object] = [
        "master": [:], "self_signing": [:], "user_signing": [:],
    ]
    /// By the user and the device or key that was signed.
    private var signatures: [[String]: [CrossSigning.Signature]] = [:]

    init(users: [String], signatures: [CrossSigning.Signature]) {
        for userID in users { devices[userID] = [:] }
        for signature in signatures {
            let target = [signature.targetUserID, signature.targetDeviceID]
            self.signatures[target, default: []].append(signature)
        }
    }

    mutating func add(_ keys: DeviceKeys.Keys) throws {
        var object = try JSON(parsing: keys.json)
        add(signatures[[keys.userID, keys.deviceID]] ?? [], to: &object)
        var unsigned = object["unsigned"] ?? [:]
        unsigned["device_display_name"] = keys.displayName.map { .string($0) }
        object["unsigned"] = unsigned
        var ofUser = devices[keys.userID] ?? [:]
        ofUser[keys.deviceID] = object
        devices[keys.userID] = ofUser
    }

    mutating func add(_ key: CrossSigning.Key) throws {
        var object = try JSON(parsing: key.json)
        if let id = CrossSigningKey.publicKey(of: object) {
            add(signatures[[key.userID, id]] ?? [], to: &object)
        }
        kinds[key.kind]?[key.userID] = object
    }

    private func add(_ made: [CrossSigning.Signature], to object: inout JSON) {
        guard !made.isEmpty else { return }
        var all = object["signatures"] ?? [:]
        for signature in made {
            var ofSigner = all[signature.signerID] ?? [:]
            ofSigner[signature.keyID] = .string(signature.signature)
            all[signature.signerID] = ofSigner
        }
        object["signatures"] = all
    }

    func body(failures: JSON) -> JSON {
        [
            "device_keys": .object(devices), "failures": failures,
            "master_keys": .object(kinds["master"] ?? [:]),
            "self_signing_keys": .object(kinds["self_signing"] ?? [:]),
            "user_signing_keys": .object(kinds["user_signing"] ?? [:]),
        ]
    }
}
