import JSON
import Reactor
import ReplicationWire
import Storage
import Testing

@testable import Services

@Suite struct AccountsTests {
    @Test func registrationAsksForAuthenticationFirst() throws {
        try withServices { services, loop in
            let body: JSON = ["username": "alice", "password": "secret"]
            var challenge: MatrixError?
            do {
                _ = try await services.accounts.register(body, on: loop)
            } catch {
                challenge = error as? MatrixError
            }
            #expect(challenge?.status == 401)
            let session = try #require(challenge?.details["session"]?.stringValue)
            #expect(challenge?.details["flows"] == [["stages": ["m.login.dummy"]]])
            var answer = body
            answer["auth"] = ["type": "m.login.dummy", "session": .string(session)]
            let (userID, login) = try await services.accounts.register(answer, on: loop)
            #expect(userID == "@alice:test")
            #expect(login?.accessToken.hasPrefix("syt_YWxpY2U_") == true)
            // The same session is told the same again, another one is refused.
            let repeated = try await services.accounts.register(answer, on: loop)
            #expect(repeated.userID == userID)
            answer["auth"] = ["type": "m.login.dummy"]
            let again = answer
            let taken = await services.code {
                _ = try await services.accounts.register(again, on: loop)
            }
            #expect(taken == "M_USER_IN_USE")
        }
    }

    @Test(arguments: [
        ("Alice", "M_INVALID_USERNAME"), ("a b", "M_INVALID_USERNAME"),
        ("", "M_INVALID_USERNAME"), ("_bot", "M_INVALID_USERNAME"),
        ("1234", "M_INVALID_USERNAME"), ("alice", nil), ("a.b_c=d-e/f+g", nil),
    ])
    func namesFollowTheGrammar(name: String, code: String?) throws {
        try withServices { services, loop in
            let found = await services.code {
                try await services.accounts.checkAvailable(name, on: loop)
            }
            #expect(found == code)
        }
    }

    @Test(
        arguments: [
            ["identifier": ["type": "m.id.user", "user": "alice"]],
            ["identifier": ["type": "m.id.user", "user": "@alice:test"]],
            ["identifier": ["type": "m.id.user", "user": "Alice"]],
            ["user": "alice"], ["user": "@alice:test"],
        ] as [JSON])
    func passwordsLogIn(request: JSON) throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            var body = request
            body["type"] = "m.login.password"
            body["password"] = "secret"
            body["device_id"] = "PHONE"
            let login = try await services.accounts.logIn(body, on: loop)
            #expect(login.userID == alice.userID)
            #expect(login.deviceID == "PHONE")
            let owner = try await services.accounts.tokens.owner(
                of: login.accessToken, on: loop)
            #expect(owner.deviceID == "PHONE")
        }
    }

    @Test(
        arguments: [
            (["type": "m.login.password", "user": "alice", "password": "wrong"], "M_FORBIDDEN"),
            (["type": "m.login.password", "user": "bob", "password": "secret"], "M_FORBIDDEN"),
            (
                ["type": "m.login.password", "user": "@alice:elsewhere", "password": "secret"],
                "M_FORBIDDEN"
            ),
            (["type": "m.login.password", "user": "alice"], "M_MISSING_PARAM"),
            (["type": "m.login.token"], "M_UNKNOWN"),
            (["user": "alice"], "M_MISSING_PARAM"),
            (
                [
                    "type": "m.login.password", "password": "x",
                    "identifier": ["type": "m.id.phone"],
                ], "M_FORBIDDEN"
            ),
            (
                [
                    "type": "m.login.password", "password": "x",
                    "identifier": ["type": "m.id.magic"],
                ], "M_UNKNOWN"
            ),
        ] as [(JSON, String)])
    func wrongLoginsAreRefused(body: JSON, code: String) throws {
        try withServices { services, loop in
            _ = try await services.register("alice", on: loop)
            let found = await services.code {
                _ = try await services.accounts.logIn(body, on: loop)
            }
            #expect(found == code)
        }
    }

    @Test func aNewLoginOfADeviceEndsTheOld() throws {
        try withServices { services, loop in
            let listener = Listener()
            services.streams.subscribe(listener, on: loop)
            _ = try await services.register("alice", on: loop)
            let body: JSON = [
                "type": "m.login.password", "user": "alice", "password": "secret",
                "device_id": "PHONE",
            ]
            let first = try await services.accounts.logIn(body, on: loop)
            _ = try await services.accounts.tokens.owner(of: first.accessToken, on: loop)
            let second = try await services.accounts.logIn(body, on: loop)
            let old = await services.code {
                _ = try await services.accounts.tokens.owner(of: first.accessToken, on: loop)
            }
            #expect(old == "M_UNKNOWN_TOKEN")
            let owner = try await services.accounts.tokens.owner(
                of: second.accessToken, on: loop)
            try await services.accounts.logOut(second.accessToken, owner: owner, on: loop)
            let gone = await services.code {
                _ = try await services.accounts.tokens.owner(of: second.accessToken, on: loop)
            }
            #expect(gone == "M_UNKNOWN_TOKEN")
            let told = listener.rows.compactMap { item -> [String]? in
                guard case .cache(let row) = item.row else { return nil }
                return row.cache == TokenCache.name ? row.keys : nil
            }
            #expect(told == [[first.accessToken], [second.accessToken]])
        }
    }

    @Test func loggingOutEverywhereEndsEveryDevice() throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            let body: JSON = ["type": "m.login.password", "user": "alice", "password": "secret"]
            let login = try await services.accounts.logIn(body, on: loop)
            let before = try await services.devices.devices(userID: alice.userID, on: loop)
            #expect(before.count == 2)
            try await services.accounts.logOutEverywhere(userID: alice.userID, on: loop)
            let gone = await services.code {
                _ = try await services.accounts.tokens.owner(of: login.accessToken, on: loop)
            }
            #expect(gone == "M_UNKNOWN_TOKEN")
            let after = try await services.devices.devices(userID: alice.userID, on: loop)
            #expect(after.isEmpty)
        }
    }

    @Test func ofMultipleRegistrationsOfANameOneSucceeds() throws {
        try withServices { services, loop in
            let tasks = (0..<8).map { _ in
                loop.spawn {
                    await services.code { _ = try await services.register("alice", on: loop) }
                }
            }
            var codes: [String?] = []
            for task in tasks { codes.append(await task.value) }
            #expect(codes.filter { $0 == nil }.count == 1)
            #expect(codes.filter { $0 == "M_USER_IN_USE" }.count == 7)
        }
    }
}
