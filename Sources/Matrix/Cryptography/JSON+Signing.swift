public import JSON

/// Specification: appendices, "Signing JSON".
extension JSON.Object {
    /// The bytes that signatures cover: canonical JSON without `signatures` and `unsigned`.
    public var signedBytes: [UInt8] {
        var object = self
        object.removeValue(forKey: "signatures")
        object.removeValue(forKey: "unsigned")
        return object.canonicalBytes
    }

    /// Adds a signature to those that the object has.
    public mutating func sign(with key: SigningKey, as server: ServerName) {
        addSignature(Base64.encode(key.signature(of: signedBytes)), by: server, key: key)
    }

    mutating func addSignature(_ signature: String, by server: ServerName, key: SigningKey) {
        var signatures = self["signatures"] ?? [:]
        var ofServer = signatures[server.text] ?? [:]
        ofServer[key.identifier] = .string(signature)
        signatures[server.text] = ofServer
        self["signatures"] = signatures
    }

    /// Whether the object carries a valid signature of the server with this key.
    public func isSigned(
        by server: ServerName, keyIdentifier: String, key: VerifyKey
    ) -> Bool {
        guard let text = self["signatures"]?[server.text]?[keyIdentifier]?.stringValue,
            let signature = Base64.decode(text)
        else { return false }
        return key.verifies(signature, of: signedBytes)
    }
}
