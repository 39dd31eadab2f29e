import JSON
import Matrix
import Testing

/// The vectors of the specification's appendices.
@Suite struct Cryptography {
    static let domain: ServerName = "domain"
    static let elsewhere: ServerName = "elsewhere"
    static let key = SigningKey(
        version: "1", seed: Base64.decode("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1")!)!

    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"),
        ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"),
    ])
    func base64(text: String, encoded: String) {
        #expect(Base64.encode(text.utf8) == encoded)
        #expect(Base64.decode(encoded) == Array(text.utf8))
        let padded = encoded + String(repeating: "=", count: (4 - encoded.count % 4) % 4)
        #expect(Base64.decode(padded) == Array(text.utf8))
    }

    @Test func base64Alphabets() {
        let bytes: [UInt8] = [0xFB, 0xFF, 0xBF]
        #expect(Base64.encode(bytes) == "+/+/")
        #expect(Base64.encode(bytes, alphabet: .urlSafe) == "-_-_")
        #expect(Base64.decode("+/+/") == bytes)
        #expect(Base64.decode("-_-_") == bytes)
    }

    @Test(arguments: ["A", "AAAAA", "Zg=", "Zg===", "Z=g=", "Zm9v=", "====", "Z g", "Zé"])
    func notBase64(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test(arguments: [
        (
            "{}",
            "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"
        ),
        (
            #"{"one":1,"two":"Two"}"#,
            "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"
        ),
    ])
    func signingVectors(text: String, signature: String) throws {
        var object = try #require(try JSON(parsing: text).objectValue)
        let plain = object
        object.sign(with: Self.key, as: Self.domain)
        #expect(
            object == plain.merging(["signatures": ["domain": ["ed25519:1": .string(signature)]]]))
        let verify = Self.key.verifyKey
        #expect(object.isSigned(by: Self.domain, keyIdentifier: "ed25519:1", key: verify))
        #expect(!object.isSigned(by: Self.domain, keyIdentifier: "ed25519:2", key: verify))
        #expect(!object.isSigned(by: Self.elsewhere, keyIdentifier: "ed25519:1", key: verify))
        object["unsigned"] = ["age": 1]
        #expect(object.isSigned(by: Self.domain, keyIdentifier: "ed25519:1", key: verify))
        object["three"] = 3
        #expect(!object.isSigned(by: Self.domain, keyIdentifier: "ed25519:1", key: verify))
    }

    @Test func anotherSignatureIsAdded() {
        var object: JSON.Object = ["a": 1]
        object.sign(with: Self.key, as: Self.domain)
        let other = SigningKey.generate()
        object.sign(with: other, as: Self.domain)
        object.sign(with: other, as: Self.elsewhere)
        let verify = other.verifyKey
        #expect(object.isSigned(by: Self.domain, keyIdentifier: other.identifier, key: verify))
        #expect(object.isSigned(by: Self.elsewhere, keyIdentifier: other.identifier, key: verify))
        #expect(
            object.isSigned(by: Self.domain, keyIdentifier: "ed25519:1", key: Self.key.verifyKey))
    }

    @Test func minimalEventVector() throws {
        let text = """
            {"room_id":"!x:domain","sender":"@a:domain","origin":"domain",
            "origin_server_ts":1000000,"signatures":{},"hashes":{},"type":"X","content":{},
            "prev_events":[],"auth_events":[],"depth":3,"unsigned":{"age_ts":1000000}}
            """
        var event = try #require(try JSON(parsing: text).objectValue)
        EventSignature.hashAndSign(&event, version: .v1, with: Self.key, as: Self.domain)
        #expect(event["hashes"]?["sha256"] == "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos")
        let signature =
            "KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg"
        #expect(event["signatures"] == ["domain": ["ed25519:1": .string(signature)]])
        #expect(event["unsigned"] == ["age_ts": 1_000_000])
    }

    @Test func redactableEventVector() throws {
        let text = """
            {"content":{"body":"Here is the message content"},"event_id":"$0:domain",
            "origin":"domain","origin_server_ts":1000000,"type":"m.room.message",
            "room_id":"!r:domain","sender":"@u:domain","signatures":{},
            "unsigned":{"age_ts":1000000}}
            """
        var event = try #require(try JSON(parsing: text).objectValue)
        EventSignature.hashAndSign(&event, version: .v1, with: Self.key, as: Self.domain)
        #expect(event["hashes"]?["sha256"] == "onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g")
        let signature =
            "Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA"
        #expect(event["signatures"] == ["domain": ["ed25519:1": .string(signature)]])
        #expect(EventHash.matchesContent(of: event))
        #expect(
            EventSignature.isValid(
                event, version: .v1, by: Self.domain, keyIdentifier: "ed25519:1",
                key: Self.key.verifyKey))
        event["content"] = ["body": "changed"]
        #expect(!EventHash.matchesContent(of: event))
    }

    @Test func keyFiles() throws {
        // The specification's seed, but for the last two bits, which do not count.
        let file = "ed25519 1 YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA0\n"
        #expect(SigningKey(file: file)?.fileText == file)
        #expect(SigningKey(file: "# a comment\n\n" + file)?.identifier == "ed25519:1")
        let new = SigningKey.generate()
        #expect(new.version.hasPrefix("a_"))
        #expect(new.version.count == 6)
        let read = try #require(SigningKey(file: new.fileText))
        #expect(read.verifyKey.base64 == new.verifyKey.base64)
        #expect(VerifyKey(base64: new.verifyKey.base64)?.bytes == new.verifyKey.bytes)
    }

    @Test(arguments: [
        "", "\n", "rsa 1 YJDB", "ed25519 1", "ed25519 1 YJDB",
        "ed25519 a:b YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1",
        "ed25519 1 YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1 more",
    ])
    func notKeyFiles(text: String) {
        #expect(SigningKey(file: text) == nil)
    }
}
