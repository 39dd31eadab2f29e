public import JSON
import Matrix
import Postgres
public import Reactor
public import Storage

extension EncryptionService {
    /// Takes a user's cross-signing keys in.
    ///
    /// `prove` makes sure that it is really the user; it is called unless these are the user's first keys, or the very
    /// keys that are there already.
    public func uploadCrossSigning(
        _ body: JSON, owner: AccessTokens.Owner, on loop: isolated EventLoop,
        prove: () async throws -> Void
    ) async throws {
        let userID = owner.userID
        var uploaded: [CrossSigningKey] = []
        for kind in CrossSigningKey.Kind.allCases {
            guard let json = body["\(kind.rawValue)_key"], !json.isNull else { continue }
            uploaded.append(try CrossSigningKey(json, kind, userID: userID))
        }
        let present = try await CrossSigning.keys(of: [userID], in: pool, on: loop)
        var known: [String: JSON] = [:]
        for key in present { known[key.kind] = try JSON(parsing: key.json) }
        let changed = uploaded.filter { key in
            known[key.kind.rawValue].flatMap(CrossSigningKey.publicKey) != key.publicKey
        }
        if known["master"] != nil, changed.isEmpty { return }
        if known["master"] != nil { try await prove() }
        let master =
            uploaded.first { $0.kind == .master }?.publicKey
            ?? known["master"].flatMap(CrossSigningKey.publicKey)
        for key in uploaded where key.kind != .master {
            guard let master else { throw MatrixError.invalidParameter("There is no master key") }
            guard
                key.object.validSignature(
                    of: userID, keyID: "ed25519:\(master)", publicKey: master) != nil
            else {
                throw MatrixError(
                    400, "M_INVALID_SIGNATURE",
                    "The \(key.kind.rawValue) key is not signed by the master key")
            }
        }
        guard !uploaded.isEmpty else { return }
        try await lists.change(of: userID, on: loop) { connection in
            try await CrossSigning.add(
                uploaded.map { ($0.kind.rawValue, $0.text) }, userID: userID, in: connection,
                on: loop)
            // Who signs what for oneself is nobody else's business, but the other keys are.
            let shown = uploaded.filter { $0.kind != .userSigning }.map(\.publicKey)
            return ((), shown.isEmpty ? uploaded.map(\.publicKey) : shown)
        }
    }

    /// Takes signatures in that a user made: under its own devices and master key, and under the master keys of others.
    /// Returns what could not be taken, by user and key.
    public func uploadSignatures(
        _ body: JSON, owner: AccessTokens.Owner, on loop: isolated EventLoop
    ) async throws -> JSON {
        guard let signed = body.objectValue else {
            throw MatrixError.badJSON("An object is needed")
        }
        var session = SignatureUpload(userID: owner.userID)
        try await session.readKeys(of: Array(signed.keys), in: pool, on: loop)
        for (userID, objects) in signed {
            guard let objects = objects.objectValue else {
                throw MatrixError.badJSON("\(userID) must hold an object")
            }
            for (keyID, object) in objects {
                guard let object = object.objectValue else {
                    throw MatrixError.badJSON("\(userID).\(keyID) must be an object")
                }
                session.take(object, under: keyID, of: userID)
            }
        }
        let own = session.signatures.filter { $0.targetUserID == owner.userID }
        let others = session.signatures.filter { $0.targetUserID != owner.userID }
        if !own.isEmpty {
            try await lists.change(of: owner.userID, on: loop) { connection in
                try await CrossSigning.add(own, in: connection, on: loop)
                return ((), Set(own.map(\.targetDeviceID)).sorted())
            }
        }
        if !others.isEmpty {
            let users = Set(others.map(\.targetUserID)).sorted()
            try await lists.signed(by: owner.userID, under: users, on: loop) { connection in
                try await CrossSigning.add(others, in: connection, on: loop)
            }
        }
        return session.failures
    }
}

/// Signatures that a user uploads, checked against the keys that are stored.
private struct SignatureUpload {
    let userID: String
    var signatures: [CrossSigning.Signature] = []
    var failures = JSON([:])
    private var masters: [String: JSON.Object] = [:]
    /// Of the user itself, by kind.
    private var publicKeys: [String: String] = [:]
    private var devices: [String: JSON.Object] = [:]

    init(userID: String) {
        self.userID = userID
    }

    mutating func readKeys(
        of userIDs: [String], in pool: PostgresPool, on loop: isolated EventLoop
    ) async throws {
        let users = Set(userIDs + [userID]).sorted()
        for key in try await CrossSigning.keys(of: users, in: pool, on: loop) {
            let json = try JSON(parsing: key.json)
            if key.kind == "master" { masters[key.userID] = json.objectValue }
            if key.userID == userID { publicKeys[key.kind] = CrossSigningKey.publicKey(of: json) }
        }
        let own: [(userID: String, deviceID: String?)] = [(userID, nil)]
        for keys in try await DeviceKeys.keys(of: own, in: pool, on: loop) {
            devices[keys.deviceID] = try JSON(parsing: keys.json).objectValue
        }
    }

    mutating func take(_ object: JSON.Object, under keyID: String, of target: String) {
        let found: Result<[CrossSigning.Signature], MatrixError>
        if target != userID {
            found = check(object, keyID, target, stored: masters[target]) { signed in
                signer(of: signed, "user_signing")
            }
        } else if let master = publicKeys["master"], keyID == master {
            found = check(object, keyID, target, stored: masters[target], deviceSignatures)
        } else {
            found = check(object, keyID, target, stored: devices[keyID]) { signed in
                signer(of: signed, "self_signing")
            }
        }
        switch found {
        case .success(let made): signatures += made
        case .failure(let error):
            var ofUser = failures[target] ?? [:]
            ofUser[keyID] = error.body
            failures[target] = ofUser
        }
    }

    /// What was signed must be what is stored, and signed rightly.
    private func check(
        _ object: JSON.Object, _ keyID: String, _ target: String, stored: JSON.Object?,
        _ made: (JSON.Object) -> [(keyID: String, signature: String)]
    ) -> Result<[CrossSigning.Signature], MatrixError> {
        guard let stored else { return .failure(.notFound("No such key")) }
        if target != userID, CrossSigningKey.publicKey(of: .object(stored)) != keyID {
            return .failure(.notFound("The user has another master key"))
        }
        guard object.signedBytes == stored.signedBytes else {
            return .failure(.invalidParameter("The key differs from the one that is stored"))
        }
        let signatures = made(object)
        guard !signatures.isEmpty else {
            return .failure(
                MatrixError(400, "M_INVALID_SIGNATURE", "There is no valid signature"))
        }
        return .success(
            signatures.map {
                CrossSigning.Signature(
                    signerID: userID, keyID: $0.keyID, targetUserID: target,
                    targetDeviceID: keyID, signature: $0.signature)
            })
    }

    /// The signature made with one of the user's own cross-signing keys.
    private func signer(
        of object: JSON.Object, _ kind: String
    ) -> [(keyID: String, signature: String)] {
        guard let key = publicKeys[kind] else { return [] }
        let id = "ed25519:\(key)"
        return object.validSignature(of: userID, keyID: id, publicKey: key).map { [(id, $0)] } ?? []
    }

    /// The signatures that the user's devices made under the master key.
    private func deviceSignatures(
        _ object: JSON.Object
    ) -> [(keyID: String, signature: String)] {
        var found: [(keyID: String, signature: String)] = []
        for (deviceID, keys) in devices.sorted(by: { $0.key < $1.key }) {
            let id = "ed25519:\(deviceID)"
            guard let key = keys["keys"]?[id]?.stringValue,
                let signature = object.validSignature(of: userID, keyID: id, publicKey: key)
            else { continue }
            found.append((id, signature))
        }
        return found
    }
}
