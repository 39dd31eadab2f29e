import JSON
import Matrix
import Reactor
import Testing

@testable import API

@Suite struct KeyEndpointsTests {
    private static let v3 = "/_matrix/client/v3"

    @Test func keysAreUploadedFoundAndClaimedOnce() throws {
        try withAPI { client, loop in
            _ = try await client.register("alice", on: loop)
            let token = try await client.logIn("alice", "secret", deviceID: "PHONE", on: loop)
            let bob = try await client.register("bob", on: loop)
            let uploaded = try await client.request(
                "POST", Self.v3 + "/keys/upload", token: token,
                [
                    "device_keys": Self.deviceKeys("@alice:test", "PHONE", Self.key(1)),
                    "one_time_keys": ["signed_curve25519:A": ["key": "one", "signatures": [:]]],
                    "fallback_keys": [
                        "signed_curve25519:F": ["key": "last", "fallback": true]
                    ],
                ], on: loop)
            #expect(uploaded.body == ["one_time_key_counts": ["signed_curve25519": 1]])
            let query = try await client.request(
                "POST", Self.v3 + "/keys/query", token: bob,
                ["device_keys": ["@alice:test": [], "@eve:elsewhere": [], "@none:test": []]],
                on: loop)
            let keys = query.body["device_keys"]?["@alice:test"]?["PHONE"]
            #expect(keys?["keys"]?["ed25519:PHONE"] == .string(Self.key(1).verifyKey.base64))
            #expect(query.body["device_keys"]?["@none:test"] == [:])
            #expect(query.body["failures"]?.objectValue?.keys == ["elsewhere"])
            let claim: JSON = [
                "one_time_keys": ["@alice:test": ["PHONE": "signed_curve25519", "X": "a"]]
            ]
            for key in ["signed_curve25519:A", "signed_curve25519:F", "signed_curve25519:F"] {
                let claimed = try await client.request(
                    "POST", Self.v3 + "/keys/claim", token: bob, claim, on: loop)
                let device = claimed.body["one_time_keys"]?["@alice:test"]?["PHONE"]
                #expect(device?.objectValue?.keys == [key])
            }
            let counts = try await client.request(
                "POST", Self.v3 + "/keys/upload", token: token, [:], on: loop)
            #expect(counts.body == ["one_time_key_counts": ["signed_curve25519": 0]])
        }
    }

    @Test func wrongUploadsAreRefused() throws {
        try withAPI { client, loop in
            _ = try await client.register("alice", on: loop)
            let token = try await client.logIn("alice", "secret", deviceID: "PHONE", on: loop)
            let key = Self.key(1)
            var unsigned = Self.deviceKeys("@alice:test", "PHONE", key)
            unsigned["signatures"] = nil
            var renamed = Self.deviceKeys("@alice:test", "PHONE", key)
            renamed["keys"] = ["ed25519:OTHER": "x"]
            let cases: [(JSON, String)] = [
                (["device_keys": Self.deviceKeys("@bob:test", "PHONE", key)], "M_INVALID_PARAM"),
                (["device_keys": Self.deviceKeys("@alice:test", "X", key)], "M_INVALID_PARAM"),
                (["device_keys": unsigned], "M_BAD_JSON"),
                (["device_keys": renamed], "M_INVALID_PARAM"), (["device_keys": 1], "M_BAD_JSON"),
                (["one_time_keys": ["nocolon": "x"]], "M_INVALID_PARAM"),
                (["one_time_keys": ["a:b": 1]], "M_BAD_JSON"),
                (["one_time_keys": ["a:b": ["no": "key"]]], "M_BAD_JSON"),
                (["one_time_keys": []], "M_BAD_JSON"),
                (["fallback_keys": ["a:1": "x", "a:2": "y"]], "M_INVALID_PARAM"),
            ]
            for (body, code) in cases {
                let answer = try await client.request(
                    "POST", Self.v3 + "/keys/upload", token: token, body, on: loop)
                #expect(answer.status == 400, "\(body)")
                #expect(answer.code == code, "\(body)")
            }
            let upload: JSON = ["one_time_keys": ["a:b": "first"]]
            for _ in 0..<2 {
                let answer = try await client.request(
                    "POST", Self.v3 + "/keys/upload", token: token, upload, on: loop)
                #expect(answer.status == 200)
            }
            let other = try await client.request(
                "POST", Self.v3 + "/keys/upload", token: token,
                ["one_time_keys": ["a:b": "second", "a:c": "third"]], on: loop)
            #expect(other.status == 400)
            let counts = try await client.request(
                "POST", Self.v3 + "/keys/upload", token: token, [:], on: loop)
            #expect(counts.body["one_time_key_counts"] == ["a": 1, "signed_curve25519": 0])
            let bad: [(String, JSON, String)] = [
                ("/keys/query", [:], "M_MISSING_PARAM"),
                ("/keys/query", ["device_keys": ["@a:b": "x"]], "M_BAD_JSON"),
                ("/keys/query", ["device_keys": ["x": []]], "M_INVALID_PARAM"),
                ("/keys/claim", [:], "M_MISSING_PARAM"),
                ("/keys/claim", ["one_time_keys": ["@a:b": ["D": 1]]], "M_BAD_JSON"),
                ("/keys/upload/OTHER", [:], "M_INVALID_PARAM"),
                ("/keys/signatures/upload", ["@alice:test": 1], "M_BAD_JSON"),
                ("/keys/device_signing/upload", ["master_key": 1], "M_BAD_JSON"),
            ]
            for (path, body, code) in bad {
                let answer = try await client.request(
                    "POST", Self.v3 + path, token: token, body, on: loop)
                #expect(answer.status == 400, "\(path)")
                #expect(answer.code == code, "\(path)")
                let stranger = try await client.request("POST", Self.v3 + path, body, on: loop)
                #expect(stranger.code == "M_MISSING_TOKEN", "\(path)")
            }
        }
    }

    @Test func usersVouchForTheirDevicesAndForOthers() throws {
        try withAPI { client, loop in
            _ = try await client.register("alice", on: loop)
            let token = try await client.logIn("alice", "secret", deviceID: "PHONE", on: loop)
            let bob = try await client.register("bob", on: loop)
            let (device, master, signing, vouching) = (
                Self.key(1), Self.key(2), Self.key(3), Self.key(4)
            )
            let keys = Self.deviceKeys("@alice:test", "PHONE", device)
            _ = try await client.request(
                "POST", Self.v3 + "/keys/upload", token: token, ["device_keys": keys], on: loop)
            let masterKey = Self.crossKey("@alice:test", "master", master, by: nil)
            let body: JSON = [
                "master_key": masterKey,
                "self_signing_key": Self.crossKey(
                    "@alice:test", "self_signing", signing, by: master),
                "user_signing_key": Self.crossKey(
                    "@alice:test", "user_signing", vouching, by: master),
            ]
            let path = Self.v3 + "/keys/device_signing/upload"
            var forged = body
            forged["self_signing_key"] = Self.crossKey(
                "@alice:test", "self_signing", signing, by: signing)
            let refused = try await client.request("POST", path, token: token, forged, on: loop)
            #expect(refused.code == "M_INVALID_SIGNATURE")
            // The first keys need no proof, nor do the same again.
            for _ in 0..<2 {
                let answer = try await client.request("POST", path, token: token, body, on: loop)
                #expect(answer.status == 200)
            }
            let others: JSON = [
                "master_key": Self.crossKey("@alice:test", "master", Self.key(9), by: nil)
            ]
            let challenge = try await client.request("POST", path, token: token, others, on: loop)
            #expect(challenge.status == 401)
            let signed = Self.signed(keys, by: signing, "@alice:test", Self.id(signing))
            let signatures = Self.v3 + "/keys/signatures/upload"
            let uploaded = try await client.request(
                "POST", signatures, token: token,
                [
                    "@alice:test": [
                        "PHONE": signed,
                        master.verifyKey.base64: Self.signed(
                            masterKey, by: device, "@alice:test", "ed25519:PHONE"),
                        "NONE": signed,
                    ]
                ], on: loop)
            #expect(uploaded.body["failures"]?["@alice:test"]?.objectValue?.keys == ["NONE"])
            _ = try await client.request(
                "POST", path, token: bob,
                ["master_key": Self.crossKey("@bob:test", "master", Self.key(5), by: nil)], on: loop
            )
            let bobKey = Self.crossKey("@bob:test", "master", Self.key(5), by: nil)
            let vouched = try await client.request(
                "POST", signatures, token: token,
                [
                    "@bob:test": [
                        Self.key(5).verifyKey.base64: Self.signed(
                            bobKey, by: vouching, "@alice:test", Self.id(vouching))
                    ]
                ], on: loop)
            #expect(vouched.body == ["failures": [:]])
            let query: JSON = ["device_keys": ["@alice:test": [], "@bob:test": []]]
            let mine = try await client.request(
                "POST", Self.v3 + "/keys/query", token: token, query, on: loop)
            let theirs = try await client.request(
                "POST", Self.v3 + "/keys/query", token: bob, query, on: loop)
            let phone = mine.body["device_keys"]?["@alice:test"]?["PHONE"]?["signatures"]
            #expect(phone?["@alice:test"]?[Self.id(signing)] != nil)
            let ofMaster = mine.body["master_keys"]?["@alice:test"]?["signatures"]
            #expect(ofMaster?["@alice:test"]?["ed25519:PHONE"] != nil)
            #expect(mine.body["user_signing_keys"]?["@alice:test"] != nil)
            #expect(theirs.body["user_signing_keys"] == [:])
            #expect(theirs.body["self_signing_keys"]?["@alice:test"] != nil)
            let bobs = mine.body["master_keys"]?["@bob:test"]?["signatures"]?["@alice:test"]
            #expect(bobs?[Self.id(vouching)] != nil)
            // For whom somebody vouches is nobody else's business.
            #expect(theirs.body["master_keys"]?["@bob:test"]?["signatures"] == nil)
        }
    }

    // MARK: Keys

    private static func key(_ number: UInt8) -> SigningKey {
        // Any seed makes a key.
        SigningKey(version: "k\(number)", seed: [UInt8](repeating: number, count: 32))
            ?? .generate()
    }

    private static func id(_ key: SigningKey) -> String { "ed25519:\(key.verifyKey.base64)" }

    private static func deviceKeys(
        _ userID: String, _ deviceID: String, _ key: SigningKey
    ) -> JSON {
        let keys: JSON = [
            "user_id": .string(userID), "device_id": .string(deviceID),
            "algorithms": ["m.megolm.v1.aes-sha2"],
            "keys": JSON(["ed25519:\(deviceID)": .string(key.verifyKey.base64)]),
        ]
        return signed(keys, by: key, userID, "ed25519:\(deviceID)")
    }

    private static func crossKey(
        _ userID: String, _ usage: String, _ key: SigningKey, by signer: SigningKey?
    ) -> JSON {
        let object: JSON = [
            "user_id": .string(userID), "usage": [.string(usage)],
            "keys": JSON([id(key): .string(key.verifyKey.base64)]),
        ]
        guard let signer else { return object }
        return signed(object, by: signer, userID, id(signer))
    }

    private static func signed(
        _ json: JSON, by key: SigningKey, _ userID: String, _ keyID: String
    ) -> JSON {
        var json = json
        let bytes = json.objectValue?.signedBytes ?? []
        var signatures = json["signatures"] ?? [:]
        var made = signatures[userID] ?? [:]
        made[keyID] = .string(Base64.encode(key.signature(of: bytes)))
        signatures[userID] = made
        json["signatures"] = signatures
        return json
    }
}
