import JSON
import ReplicationWire
import Testing

private func caches(_ name: String) -> ReplicationRow {
    .cache(CachesStreamRow(cache: name, keys: nil, invalidatedMilliseconds: 1))
}

private func line(_ token: String, _ name: String) -> String {
    "RDATA caches \(token) [\"\(name)\",null,1]"
}

@Suite("The worker's link")
struct WorkerLinkTests {
    private func link(_ streams: [(StreamName, Int64?)]) -> WorkerLink {
        var link = WorkerLink(name: "w1", serverName: "example.org")
        for (stream, position) in streams { link.follow(stream, from: position) }
        return link
    }

    private func connected(_ streams: [(StreamName, Int64?)]) -> WorkerLink {
        var link = link(streams)
        _ = link.opened()
        _ = link.received("SERVER example.org")
        return link
    }

    @Test("It introduces itself and asks for every stream from its position")
    func opening() {
        var link = link([(.events, 29), (.typing, nil)])
        _ = link.userSync("@b:x", true, 7)
        _ = link.userSync("@a:x", true, 8)
        _ = link.userSync("@b:x", false, 9)
        #expect(
            link.opened() == [
                .send(.name("w1")), .send(.ping("1000000")),
                .send(.replicate(.stream(.events, from: .token(29)))),
                .send(.replicate(.stream(.typing, from: .now))),
                .send(
                    .userSync(
                        UserSync(
                            userID: "@a:x", isSyncing: true, lastSyncMilliseconds: 8,
                            instance: "w1"))),
            ])
        #expect(link.received("SERVER example.org") == [.connected])
    }

    @Test("Another server is the wrong remote")
    func wrongRemote() {
        var link = link([(.events, 29)])
        _ = link.opened()
        #expect(
            link.received("SERVER evil.org") == [
                .send(.error("Wrong remote")), .close(.wrongRemote("evil.org")),
            ])
        #expect(link.received(line("30", "x")).isEmpty)
    }

    @Test("Data before SERVER is not taken")
    func unnamed() {
        var link = link([(.caches, 29)])
        _ = link.opened()
        #expect(link.received(line("30", "x")).last == .close(.unnamedRemote))
        #expect(link.position(of: .caches) == 29)
    }

    @Test("Rows of one token come together, and only its number moves the position")
    func batches() {
        var link = connected([(.caches, 5)])
        #expect(link.received("POSITION caches 6") == [.position(.caches, 6)])
        #expect(link.received(line("batch", "a")).isEmpty)
        #expect(link.received(line("batch", "b")).isEmpty)
        #expect(link.position(of: .caches) == 6)
        #expect(link.pendingRows(of: .caches) == 2)
        #expect(
            link.received(line("9", "c")) == [
                .rows(.caches, [caches("a"), caches("b"), caches("c")], position: 9)
            ])
        #expect(link.position(of: .caches) == 9)
    }

    @Test("An unfinished token is asked for again after a reconnect")
    func unfinished() {
        var link = connected([(.caches, 5)])
        _ = link.received(line("batch", "a"))
        #expect(link.disconnected() == [.reconnect(after: .milliseconds(100))])
        #expect(link.opened()[2] == .send(.replicate(.stream(.caches, from: .token(5)))))
        _ = link.received("SERVER example.org")
        _ = link.received(line("batch", "a"))
        #expect(
            link.received(line("6", "b")) == [
                .rows(.caches, [caches("a"), caches("b")], position: 6)
            ])
    }

    @Test("Repeated rows are dropped, late ones delivered, the position never goes back")
    func repeats() {
        var link = connected([(.caches, 68)])
        _ = link.received("POSITION caches 68")
        var delivered: [ReplicationRow] = []
        for (token, name) in [
            ("69", "a"), ("70", "b"), ("71", "c"), ("70", "b"), ("71", "c"), ("71", "other"),
            ("40", "late"),
        ] {
            for case .rows(_, let rows, _) in link.received(line(token, name)) {
                delivered += rows
            }
            #expect(link.position(of: .caches) ?? 0 >= 69)
        }
        #expect(delivered == ["a", "b", "c", "other", "late"].map(caches))
        #expect(link.position(of: .caches) == 71)
        #expect(link.repeatedRows == 2)
        #expect(link.received("POSITION caches 60").isEmpty)
        #expect(link.position(of: .caches) == 71)
    }

    @Test("Catch-up rows that share a token as a real main sends them are all delivered")
    func catchUpSharingToken() {
        var link = connected([(.toDevice, 1)])
        var entities: [String] = []
        for entity in ["@a:x", "@b:x", "@c:x"] {
            for case .rows(_, let rows, _) in link.received("RDATA to_device 2 [\"\(entity)\"]") {
                for case .toDevice(let row) in rows { entities.append(row.entity) }
            }
        }
        #expect(entities == ["@a:x", "@b:x", "@c:x"])
    }

    @Test("An in-memory stream of a restarted main is reset and asked for from its beginning")
    func restartedMain() {
        var link = connected([(.typing, 50)])
        #expect(
            link.received("POSITION typing 3") == [
                .reset(.typing), .send(.replicate(.stream(.typing, from: .token(0)))),
            ])
        let row = TypingStreamRow(roomID: "!r:x", userIDs: ["@a:x"])
        #expect(
            link.received("RDATA typing 3 [\"!r:x\",[\"@a:x\"]]") == [
                .rows(.typing, [.typing(row)], position: 3)
            ])
        #expect(link.received("POSITION typing 3") == [.position(.typing, 3)])
        #expect(link.isLive(.typing))
    }

    @Test(
        "Typing is asked for from its beginning when the main was seen to go away",
        arguments: [true, false])
    func goneMain(saidSo: Bool) {
        var link = connected([(.typing, 50), (.events, 7)])
        if saidSo {
            _ = link.received("ERROR server shutting down")
            _ = link.disconnected()
        } else {
            _ = link.disconnected()
            // An attempt that found nobody.
            _ = link.disconnected()
        }
        #expect(
            link.opened().dropFirst(2) == [
                .reset(.typing), .send(.replicate(.stream(.typing, from: .token(0)))),
                .send(.replicate(.stream(.events, from: .token(7)))),
            ])
        _ = link.received("SERVER example.org")
        #expect(link.received("POSITION typing 60") == [.position(.typing, 60)])
        _ = link.disconnected()
        #expect(
            link.opened()[2] == .send(.replicate(.stream(.typing, from: .token(60)))),
            "a connection that merely broke goes on where it was")
    }

    @Test("An in-memory stream that is empty after a restart is reset")
    func emptyAfterRestart() {
        var link = connected([(.typing, 50)])
        #expect(
            link.received("POSITION typing 0") == [.reset(.typing), .position(.typing, 0)])
        #expect(link.position(of: .typing) == 0)
    }

    @Test("A lower row of an in-memory stream resets it")
    func lowerRow() {
        var link = connected([(.typing, 50)])
        let row = TypingStreamRow(roomID: "!r:x", userIDs: [])
        #expect(
            link.received("RDATA typing 1 [\"!r:x\",[]]") == [
                .reset(.typing), .rows(.typing, [.typing(row)], position: 1),
            ])
    }

    @Test(
        "A worker that fell behind begins NOW and is told what it missed",
        arguments: [
            "failed to handle replicate: Exception('stream caches has fallen behined',)",
            "stream caches has fallen behind",
        ])
    func fallenBehind(text: String) {
        var link = connected([(.caches, 5), (.events, 7)])
        #expect(link.received("ERROR \(text)") == [.peerError(text), .fellBehind(.caches)])
        _ = link.disconnected()
        #expect(
            link.opened().dropFirst(2) == [
                .send(.replicate(.stream(.caches, from: .now))),
                .send(.replicate(.stream(.events, from: .token(7)))),
            ])
        _ = link.received("SERVER example.org")
        #expect(link.received("POSITION caches 20000") == [.skipped(.caches, to: 20000)])
        _ = link.disconnected()
        #expect(
            link.opened().contains(.send(.replicate(.stream(.caches, from: .token(20000))))))
    }

    @Test("It backs off from 0.1 s to 5 s, and begins anew once a main has answered")
    func backoff() {
        var link = connected([(.caches, 5)])
        let waits = (0..<8).map { _ in link.disconnected() }
        #expect(
            waits
                == [100, 200, 400, 800, 1600, 3200, 5000, 5000].map {
                    [.reconnect(after: .milliseconds($0))]
                })
        _ = link.opened()
        _ = link.received("SERVER example.org")
        #expect(link.disconnected() == [.reconnect(after: .seconds(5))])
        _ = link.opened()
        _ = link.received("SERVER example.org")
        _ = link.received("POSITION caches 5")
        #expect(link.disconnected() == [.reconnect(after: .milliseconds(100))])
    }

    @Test("Commands of workers, bad lines and silence end the connection")
    func failures() {
        var link = connected([(.caches, 5)])
        #expect(link.received("REPLICATE ALL NOW").last == .close(.wrongDirection(.replicate)))
        _ = link.disconnected()
        link = connected([(.caches, 5)])
        #expect(
            link.received("RDATA caches x []").first
                == .send(.error("failed to parse line for RDATA: a token is a number or batch")))
        link = connected([(.caches, 5)])
        #expect(link.received("PING 5", 1).isEmpty)
        #expect(link.timePassed(6) == [.send(.ping("1000000"))])
        #expect(link.timePassed(26) == [.send(.error("ping timeout")), .close(.pingTimeout)])
    }

    @Test("A main that does not say who it is is given up, one that does and never pings is not")
    func silentMain() {
        var link = link([(.caches, 5)])
        _ = link.opened()
        #expect(link.timePassed(24.9) == [.send(.ping("1000000"))])
        #expect(link.timePassed(25).last == .close(.pingTimeout))
        link = connected([(.caches, 5)])
        #expect(!link.timePassed(1000).contains(.close(.pingTimeout)))
    }

    @Test("Nothing is acknowledged to a main that has not said yet where the stream is")
    func earlyAcknowledgement() {
        var link = connected([(.federation, 5)])
        var actions: [WorkerLink.Action] = []
        let ack = ReplicationCommand.federationAck(FederationAck(token: 5))
        _ = link.received("POSITION federation 5")
        #expect(link.send(ack, at: at(0), into: &actions))
        _ = link.received("PING 1 run=a federation=5")
        _ = link.disconnected()
        _ = link.opened()
        _ = link.received("SERVER example.org")
        #expect(!link.send(ack, at: at(0), into: &actions))
        _ = link.received("PING 1 run=a federation=5")
        #expect(!link.send(ack, at: at(0), into: &actions))
        _ = link.received("POSITION federation 5")
        #expect(link.send(ack, at: at(0), into: &actions))
    }

    @Test("Unknown streams, extra columns and unknown shapes are tolerated")
    func tolerance() {
        var link = connected([(.pushRules, 5), (.other("tea"), 1)])
        #expect(link.received("RDATA coffee 7 [1]").isEmpty)
        #expect(link.ignoredRows == 1)
        let rules = ReplicationRow.pushRules(PushRulesStreamRow(userID: "@a:x"))
        #expect(
            link.received("RDATA push_rules 6 [ \"@a:x\" , {\"x\":[1,\"]\"]} , 7 ]") == [
                .rows(.pushRules, [rules], position: 6)
            ])
        #expect(
            link.received("RDATA push_rules 7 {\"user\":\"@a:x\"}") == [
                .rows(.pushRules, [.other(["user": "@a:x"])], position: 7)
            ])
        #expect(
            link.received("RDATA tea 2 [3]") == [
                .rows(.other("tea"), [.other([3])], position: 2)
            ])
    }

    private func named(_ streams: [(StreamName, Int64?)]) -> WorkerLink {
        var link = WorkerLink(name: "w1", serverName: nil, dialect: .named)
        for (stream, position) in streams { link.follow(stream, from: position) }
        #expect(link.opened().last == .send(.replicate(.all)))
        _ = link.received("SERVER x")
        return link
    }

    @Test("In the named dialect a gap is asked for once, and filled by a main that can")
    func namedGap() {
        var link = named([(.caches, 5)])
        #expect(link.received("RDATA caches master 6 [\"early\",null,1]").isEmpty)
        #expect(link.ignoredRows == 1)
        let question = WorkerLink.Action.send(.replicate(.stream(.caches, from: .token(5))))
        #expect(link.received("POSITION caches master 8 8") == [question])
        #expect(!link.isLive(.caches))
        // What was under way before the main saw the question belongs behind the gap.
        #expect(link.received("RDATA caches master 9 [\"early\",null,1]").isEmpty)
        #expect(link.received("POSITION caches master 9 10").isEmpty)
        #expect(link.received("POSITION caches master 5 5").isEmpty)
        #expect(
            link.received("RDATA caches master 7 [\"missed\",null,1]") == [
                .rows(.caches, [caches("missed")], position: 7)
            ])
        #expect(!link.isLive(.caches))
        #expect(link.received("POSITION caches master 5 10") == [.position(.caches, 10)])
        #expect(link.isLive(.caches))
        #expect(link.received("POSITION caches master 10 12") == [.position(.caches, 12)])
    }

    @Test("In the named dialect a gap that the main does not fill is told")
    func namedSkip() {
        var link = named([(.events, 5), (.caches, 2)])
        #expect(link.received("POSITION caches master 2 2") == [.position(.caches, 2)])
        #expect(link.received("POSITION events master 8 8").count == 1)
        #expect(link.received("POSITION events master 9 9") == [.skipped(.events, to: 9)])
        #expect(link.isLive(.events))
        // Live gaps are noticed too.
        let question = WorkerLink.Action.send(.replicate(.stream(.caches, from: .token(2))))
        #expect(link.received("POSITION caches master 4 5") == [question])
    }

    @Test("In the named dialect a stream in memory that starts again is read from its beginning")
    func namedRestart() {
        var link = named([(.typing, 50)])
        #expect(
            link.received("POSITION typing master 3 3") == [
                .reset(.typing), .send(.replicate(.stream(.typing, from: .token(0)))),
            ])
        #expect(link.received("POSITION typing master 3 4").isEmpty)
        #expect(link.received("POSITION typing master 0 0").isEmpty)
        let row = TypingStreamRow(roomID: "!r:x", userIDs: [])
        #expect(
            link.received("RDATA typing master 4 [\"!r:x\",[]]") == [
                .rows(.typing, [.typing(row)], position: 4)
            ])
        #expect(link.received("POSITION typing master 0 4") == [.position(.typing, 4)])
        #expect(link.isLive(.typing))
    }

    @Test("Another run of the main is told from the same one by its PING")
    func otherRun() {
        var link = connected([(.typing, 50), (.events, 7)])
        #expect(link.received("PING 1 run=a events=9 typing=50").isEmpty)
        #expect(link.tokensBehind(in: .events) == 2)
        _ = link.received("POSITION events 9")
        #expect(link.tokensBehind(in: .events) == 0)
        #expect(link.tokensBehind(in: .typing) == 0)
        // The same run: what is known of typing still holds, even if the port was closed for a while.
        for run in ["a", "b"] {
            _ = link.disconnected()
            _ = link.disconnected()
            #expect(
                link.opened().dropFirst(2) == [
                    .send(.replicate(.stream(.events, from: .token(9))))
                ])
            _ = link.received("SERVER example.org")
            let asked = link.received("PING 2 run=\(run) events=9 typing=60")
            #expect(
                asked
                    == (run == "a"
                        ? [.send(.replicate(.stream(.typing, from: .token(50))))]
                        : [
                            .reset(.typing),
                            .send(.replicate(.stream(.typing, from: .token(0)))),
                        ]))
            #expect(link.received("PING 3 run=\(run) events=9 typing=60").isEmpty)
        }
    }

    @Test("A secret comes first, and the status that follows it counts")
    func secret() {
        var link = WorkerLink(
            name: "w1", serverName: nil, secret: ReplicationSecret("sesame open"))
        link.follow(.typing, from: 5)
        #expect(link.opened().first == .send(.authenticate(ReplicationSecret("sesame open"))))
        _ = link.received("SERVER x")
        _ = link.received("PING 1")
        #expect(link.received("PING 1 run=1 typing=5").isEmpty)
        _ = link.disconnected()
        _ = link.opened()
        #expect(link.received("PING 1").isEmpty)
        #expect(
            link.received("PING 1 run=2 typing=5") == [
                .reset(.typing), .send(.replicate(.stream(.typing, from: .token(0)))),
            ])
        let command = ReplicationCommand.authenticate(ReplicationSecret("sesame open"))
        #expect(command.line() == Array("AUTH sesame open\n".utf8))
        #expect(!"\(command)".contains("sesame"))
        var dumped = ""
        dump(command, to: &dumped)
        #expect(!dumped.contains("sesame"))
    }
}
