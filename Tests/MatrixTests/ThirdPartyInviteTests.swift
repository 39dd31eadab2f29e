import JSON
import Matrix
import Testing

private let creator: UserID = "@creator:a"
private let bob: UserID = "@bob:b"
private let identityKey = SigningKey(version: "0", seed: [UInt8](repeating: 9, count: 32))!

@Suite struct AuthRulesOfThirdPartyInvites {
    private static func signed(_ parts: JSON.Object) -> JSON {
        var object = parts
        object.sign(with: identityKey, as: "identity")
        return .object(object)
    }

    private static let proof: JSON = signed(["mxid": "@bob:b", "token": "t"])

    private static func invite(
        _ room: inout RoomFixture, _ signed: JSON?, offer: JSON.Object? = nil,
        offeredBy offerer: UserID = creator
    ) -> Event {
        let keys: JSON.Object = ["public_key": .string(identityKey.verifyKey.base64)]
        room.set("m.room.third_party_invite", key: "t", sender: offerer, offer ?? keys)
        var thirdParty: JSON = ["display_name": "B"]
        thirdParty["signed"] = signed
        return room.membership("invite", of: bob, by: creator, ["third_party_invite": thirdParty])
    }

    @Test(arguments: [
        AuthCase("a key in public_key has signed") { invite(&$0, proof) },
        AuthCase("a key in public_keys has signed") {
            let other = SigningKey.generate().verifyKey.base64
            return invite(
                &$0, proof,
                offer: [
                    "public_key": .string(other),
                    "public_keys": [
                        ["public_key": .string(identityKey.verifyKey.base64)], ["x": 1], 2,
                    ],
                ])
        },
        AuthCase("the sender need not be a member") {
            $0.member(creator, "leave")
            return invite(&$0, proof)
        },
        AuthCase("the target is banned", denies: "4.4.1.1") {
            $0.member(bob, "ban")
            return invite(&$0, proof)
        },
        AuthCase("nothing is signed", denies: "4.4.1.2") { invite(&$0, nil) },
        AuthCase("the user is missing", denies: "4.4.1.3") { invite(&$0, signed(["token": "t"])) },
        AuthCase("the token is missing", denies: "4.4.1.3") {
            invite(&$0, signed(["mxid": "@bob:b"]))
        },
        AuthCase("it is for another user", denies: "4.4.1.4") {
            invite(&$0, signed(["mxid": "@carol:c", "token": "t"]))
        },
        AuthCase("there was no offer", denies: "4.4.1.5") {
            invite(&$0, signed(["mxid": "@bob:b", "token": "other"]))
        },
        AuthCase("another user made the offer", denies: "4.4.1.6") {
            invite(&$0, proof, offeredBy: "@carol:c")
        },
        AuthCase("another key has signed", denies: "4.4.1.8") {
            let other = SigningKey.generate().verifyKey.base64
            return invite(&$0, proof, offer: ["public_key": .string(other)])
        },
        AuthCase("the signature is of other words", denies: "4.4.1.8") {
            var forged = proof
            forged["extra"] = 1
            return invite(&$0, forged)
        },
        AuthCase("there are no keys", denies: "4.4.1.8") { invite(&$0, proof, offer: [:]) },
        AuthCase("the signatures are malformed", denies: "4.4.1.8") {
            var forged = proof
            forged["signatures"] = ["a": 1, "b": ["ed25519:0": 2, "x": "y", "ed25519:1": "!"]]
            return invite(&$0, forged)
        },
    ])
    func rule(_ authCase: AuthCase) { authCase.run() }
}
