import ReplicationWire
import Testing

@Suite("The main's link")
struct MainLinkTests {
    private func link() -> MainLink {
        MainLink(
            serverName: "example.org", streams: Set(StreamName.classic).subtracting([.federation]),
            at: at(0))
    }

    @Test("It says who it is and pings at once")
    func opening() {
        var link = link()
        #expect(link.opened() == [.send(.server("example.org")), .send(.ping("1000000"))])
    }

    @Test(
        "Each command becomes its action",
        arguments: [
            ("NAME synchrotron1", []),
            ("PING 12", []),
            ("PING ", []),
            ("REPLICATE events 29", [.subscribe(.stream(.events, from: .token(29)))]),
            ("REPLICATE typing NOW", [.subscribe(.stream(.typing, from: .now))]),
            ("REPLICATE caches -1", [.subscribe(.stream(.caches, from: .token(-1)))]),
            ("REPLICATE ALL NOW", [.subscribe(.all)]),
            ("ERROR oh dear", [.peerError("oh dear")]),
            ("ERROR", [.peerError("")]),
            ("FEDERATION_ACK 7", [.deliver(.federationAck(FederationAck(token: 7)))]),
            (
                "USER_SYNC @a:b start 5",
                [
                    .userSync(
                        UserSync(userID: "@a:b", isSyncing: true, lastSyncMilliseconds: 5))
                ]
            ),
            (
                "REMOVE_PUSHER app key @a:b",
                [
                    .deliver(
                        .removePusher(RemovePusher(appID: "app", pushKey: "key", userID: "@a:b")))
                ]
            ),
            (
                "INVALIDATE_CACHE get_x [\"a\", \"b\"]",
                [
                    .deliver(
                        .invalidateCache(InvalidateCache(cache: "get_x", keys: ["a", "b"])))
                ]
            ),
            (
                "USER_IP [\"@a:b\", \"token\", \"::1\", \"curl\", null, 5]",
                [
                    .deliver(
                        .userIP(
                            UserIP(
                                userID: "@a:b", accessToken: "token", ip: "::1",
                                userAgent: "curl", deviceID: nil, lastSeenMilliseconds: 5)))
                ]
            ),
        ] as [(String, [MainLink.Action])])
    func commands(line: String, actions: [MainLink.Action]) {
        var link = link()
        _ = link.opened()
        #expect(link.received(line) == actions)
        #expect(!link.isClosing)
    }

    @Test(
        "Bad input is answered with a reason, and the connection ends",
        arguments: [
            ("FOO bar", "invalid command: FOO"),
            ("FOO", "invalid command: FOO"),
            ("GET / HTTP/1.1", "invalid command: GET"),
            ("\u{1}\u{2}x y", "invalid command: ??x"),
            ("SERVER x", "invalid command: SERVER"),
            ("RDATA events 1 []", "invalid command: RDATA"),
            ("POSITION events 1", "invalid command: POSITION"),
            ("SYNC x", "invalid command: SYNC"),
            ("REPLICATE", "failed to parse line for REPLICATE: no arguments"),
            ("REPLICATE ", "failed to parse line for REPLICATE: expected a stream"),
            ("REPLICATE events", "failed to parse line for REPLICATE: a token is a number or NOW"),
            (
                "REPLICATE events soon",
                "failed to parse line for REPLICATE: a token is a number or NOW"
            ),
            ("REPLICATE ALL 5", "failed to parse line for REPLICATE: ALL begins NOW"),
            ("REPLICATE tea NOW", "failed to handle replicate: unknown stream tea"),
            ("REPLICATE federation 1", "failed to handle replicate: unknown stream federation"),
            ("USER_SYNC @a:b begin 5", "failed to parse line for USER_SYNC: expected start or end"),
            ("USER_SYNC @a:b start x", "failed to parse line for USER_SYNC: the time is a number"),
            ("FEDERATION_ACK x", "failed to parse line for FEDERATION_ACK: a token is a number"),
            ("RDATA events 1 {", "failed to parse line for RDATA"),
        ])
    func badInput(line: String, text: String) throws {
        var link = link()
        _ = link.opened()
        let actions = link.received(line)
        try #require(actions.count == 2, "\(actions)")
        guard case .send(.error(let said)) = actions[0], case .close(let failure) = actions[1]
        else { return #expect(Bool(false), "\(actions)") }
        #expect(said.hasPrefix(text))
        #expect(failure.text == said)
        #expect(link.received("NAME x").isEmpty)
        #expect(link.timePassed(1000).isEmpty)
    }

    @Test("It pings when it has sent nothing for five seconds")
    func pings() {
        var link = link()
        _ = link.opened()
        #expect(link.deadline == .seconds(5))
        #expect(link.timePassed(4.9).isEmpty)
        #expect(link.timePassed(5) == [.send(.ping("1000000"))])
        link.sentData(at: at(8))
        #expect(link.timePassed(10).isEmpty)
        #expect(link.deadline == .seconds(13))
        #expect(link.timePassed(13) == [.send(.ping("1000000"))])
    }

    @Test("A peer that never pinged is never timed out")
    func silence() {
        var link = link()
        _ = link.opened()
        _ = link.received("NAME netcat", 1)
        #expect(link.timePassed(100_000) == [.send(.ping("1000000"))])
    }

    @Test("A peer that pinged is given up after 25 seconds without a command")
    func timeout() {
        var link = link()
        _ = link.opened()
        _ = link.received("PING 1", 1)
        _ = link.received("NAME x", 10)
        for second in stride(from: 10.0, to: 35, by: 0.5) {
            #expect(!link.timePassed(second).contains(.close(.pingTimeout)))
        }
        #expect(link.deadline <= .seconds(39))
        #expect(link.timePassed(35) == [.send(.error("ping timeout")), .close(.pingTimeout)])
    }

    @Test("The users of a lost connection are given back")
    func users() {
        var link = link()
        _ = link.opened()
        _ = link.received("USER_SYNC @b:x start 1")
        _ = link.received("USER_SYNC @a:x start 2")
        _ = link.received("USER_SYNC @c with space:x start 2")
        _ = link.received("USER_SYNC @b:x end 3")
        var actions: [MainLink.Action] = []
        link.disconnected(into: &actions)
        #expect(actions == [.usersGone(["@a:x", "@c with space:x"])])
    }

    private func guarded() -> MainLink {
        var link = MainLink(
            serverName: "x", streams: [.events], secret: ReplicationSecret("sesame"), at: at(0))
        link.status = MainStatus(run: 10, heads: [.events: 7])
        #expect(link.opened() == [.send(.server("x")), .send(.ping("1000000"))])
        return link
    }

    @Test("With a secret, nothing but the secret is taken first, and it is told so")
    func secret() {
        var link = guarded()
        #expect(
            link.received("AUTH sesame") == [
                .authenticated, .send(.ping("1000000 run=a events=7")),
            ])
        #expect(link.received("REPLICATE events 5").count == 1)
        #expect(link.received("AUTH again").isEmpty)
        #expect(!link.isClosing)
    }

    @Test(
        "Who does not know the secret learns that, and nothing else",
        arguments: [
            ("AUTH sesam", LinkFailure.secretWrong), ("AUTH sesame2", .secretWrong),
            ("AUTH sesame ", .secretWrong), ("AUTH esames", .secretWrong),
            ("AUTH x", .secretWrong), ("REPLICATE ALL NOW", .secretMissing),
            ("NAME w1", .secretMissing), ("AUTH", .secretMissing), ("AUTH ", .secretMissing),
            ("USER_SYNC", .secretMissing), ("FOO", .secretMissing), ("ERROR x", .secretMissing),
        ])
    func noSecret(line: String, failure: LinkFailure) {
        var link = guarded()
        #expect(link.received(line) == [.send(.error(failure.text)), .close(failure)])
        #expect(link.received("AUTH sesame").isEmpty)
        #expect(!link.isAuthenticated)
    }

    @Test("Whoever stays silent where a secret is wanted is sent away after ten seconds")
    func silentStranger() {
        var link = guarded()
        #expect(link.deadline == .seconds(5))
        #expect(link.timePassed(5) == [.send(.ping("1000000"))])
        #expect(link.deadline == .seconds(10))
        #expect(link.timePassed(10).last == .close(.secretMissing))
    }

    @Test("A secret that nobody wants does no harm")
    func unwantedSecret() {
        var link = link()
        _ = link.opened()
        #expect(link.received("AUTH sesame").isEmpty)
        #expect(!link.isClosing)
    }
}
