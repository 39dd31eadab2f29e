import JSON
import Matrix

/// A key with which a user vouches for others. Specification: client-server API, "Cross-signing".
struct CrossSigningKey {
    /// Whose it is and what it is for.
    enum Kind: String, CaseIterable {
        case master
        case selfSigning = "self_signing"
        case userSigning = "user_signing"
    }

    let kind: Kind
    let object: JSON.Object
    /// The public key as Base64, by which the key is known.
    let publicKey: String

    /// As canonical JSON.
    var text: String { String(decoding: object.canonicalBytes, as: UTF8.self) }

    /// Checks a key that a user uploads. Throws M_BAD_JSON or M_INVALID_PARAM.
    init(_ json: JSON, _ kind: Kind, userID: String) throws(MatrixError) {
        let name = "\(kind.rawValue)_key"
        guard let object = json.objectValue else { throw .badJSON("\(name) must be an object") }
        guard json["user_id"]?.stringValue == userID else {
            throw .invalidParameter("\(name).user_id is not the user of the access token")
        }
        guard let usage = json["usage"]?.arrayValue, usage.contains(.string(kind.rawValue)) else {
            throw .invalidParameter("\(name).usage must hold \(kind.rawValue)")
        }
        guard let publicKey = Self.publicKey(of: json) else {
            throw .invalidParameter("\(name).keys must hold one Ed25519 key under its own text")
        }
        self.kind = kind
        self.object = object
        self.publicKey = publicKey
    }

    /// The one public key in an object of the shape `{"keys": {"ed25519:KEY": "KEY"}}`.
    static func publicKey(of json: JSON) -> String? {
        guard let keys = json["keys"]?.objectValue, keys.count == 1, let entry = keys.first,
            let text = entry.value.stringValue, entry.key == "ed25519:\(text)",
            VerifyKey(base64: text) != nil
        else { return nil }
        return text
    }
}

extension JSON.Object {
    /// The text of a user's signature under the object, if it was made with this Ed25519 key.
    func validSignature(of userID: String, keyID: String, publicKey: String) -> String? {
        guard let text = self["signatures"]?[userID]?[keyID]?.stringValue,
            let signature = Base64.decode(text), let key = VerifyKey(base64: publicKey),
            key.verifies(signature, of: signedBytes)
        else { return nil }
        return text
    }
}
