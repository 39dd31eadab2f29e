import Configuration
import JSON
import Postgres
import Reactor
import ReplicationWire
import Storage
import Synchronization
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

    @Test func wrongPasswordsAreLimitedAlsoForWhoKnowsTheRightOne() throws {
        var settings = HomeserverSettings.test
        settings.limits.loginFailures = RateLimit(perSecond: 0.001, burstCount: 2)
        try withServices(settings: settings) { services, loop in
            _ = try await services.register("alice", on: loop)
            var codes: [String?] = []
            for password in ["wrong", "secret", "bad", "secret"] {
                codes.append(
                    await services.code {
                        _ = try await services.accounts.logIn(
                            [
                                "type": "m.login.password", "user": "alice",
                                "password": .string(password),
                            ], on: loop)
                    })
            }
            #expect(codes == ["M_FORBIDDEN", nil, "M_FORBIDDEN", "M_LIMIT_EXCEEDED"])
        }
    }

    @Test func registrationsFromAnAddressAreLimited() throws {
        var settings = HomeserverSettings.test
        settings.limits.registration = RateLimit(perSecond: 0.001, burstCount: 2)
        try withServices(settings: settings) { services, loop in
            _ = try await services.register("a1", on: loop)
            _ = try await services.register("a2", on: loop)
            let code = await services.code { _ = try await services.register("a3", on: loop) }
            #expect(code == "M_LIMIT_EXCEEDED")
        }
    }

    private func challenge(
        _ services: MainServices, on loop: isolated EventLoop
    ) async throws -> JSON {
        do {
            _ = try await services.accounts.register(["password": "secret"], on: loop)
        } catch let error as MatrixError where error.status == 401 {
            return try #require(error.details["session"])
        }
        return .null
    }

    private func finish(
        _ session: JSON, _ services: MainServices, on loop: isolated EventLoop
    ) async -> String? {
        await services.code {
            _ = try await services.accounts.register(
                ["password": "secret", "auth": ["type": "m.login.dummy", "session": session]],
                on: loop)
        }
    }

    @Test func unfinishedAuthenticationsAreForgottenAndBounded() throws {
        let hand = Hand()
        try withServices(clock: hand.clock) { services, loop in
            let first = try await challenge(services, on: loop)
            hand.advance(16 * 60 * 1000)
            #expect(await finish(first, services, on: loop) == "M_UNKNOWN")
            let early = try await challenge(services, on: loop)
            for _ in 0..<10_000 { _ = try await challenge(services, on: loop) }
            #expect(await finish(early, services, on: loop) == "M_UNKNOWN")
            #expect(
                await finish(try await challenge(services, on: loop), services, on: loop) == nil)
        }
    }

    @Test func whereDevicesWereSeenIsWrittenTogether() throws {
        try withServices { services, loop in
            let alice = try await services.register("alice", on: loop)
            for address in ["10.0.0.1", "10.0.0.2", "10.0.0.1"] {
                services.sightings.seen(
                    alice.owner, token: "t", from: SocketAddress(host: address, port: 1234),
                    userAgent: "Client/1", on: loop)
            }
            await services.sightingWriter.write(on: loop)
            let devices = try await services.devices.devices(userID: alice.userID, on: loop)
            #expect(devices.first?.address?.hasPrefix("10.0.0.") == true)
            let rows = try await services.pool.query(
                Statement(unprepared: "SELECT ip, user_agent FROM user_ips ORDER BY ip"), [],
                on: loop)
            #expect(try rows.map { try $0.text(0) } == ["10.0.0.1", "10.0.0.2"])
            #expect(try rows.first?.text(1) == "Client/1")
        }
    }
}

/// A clock that stands where it is put.
final class Hand: Sendable {
    private let time = Mutex<Int64>(1_700_000_000_000)
    var clock: WallClock { WallClock { self.time.withLock { $0 } } }
    func advance(_ milliseconds: Int64) { time.withLock { $0 += milliseconds } }
}
