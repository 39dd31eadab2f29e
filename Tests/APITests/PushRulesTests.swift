import JSON
import Reactor
import Testing

@testable import API

@Suite struct PushRulesTests {
    private static let path = "/_matrix/client/v3/pushrules/global"
    private static let quiet: JSON = ["actions": []]

    private func ids(
        _ kind: String, _ client: Client, _ token: String, on loop: isolated EventLoop
    ) async throws -> [String] {
        let answer = try await client.request(
            "GET", "/_matrix/client/v3/pushrules/", token: token, on: loop)
        #expect(answer.status == 200)
        let rules = answer.body["global"]?[kind]?.arrayValue ?? []
        return rules.compactMap { $0["rule_id"]?.stringValue }.filter { !$0.hasPrefix(".") }
    }

    @Test func rulesAreWrittenInTheOrderThatIsAskedFor() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let bob = try await client.register("bob", on: loop)
            let rule: JSON = [
                "actions": ["notify"],
                "conditions": [
                    ["kind": "event_match", "key": "type", "pattern": "org.x"]
                ],
            ]
            for path in ["first", "second", "third?after=second", "fourth?before=first"] {
                let answer = try await client.request(
                    "PUT", "\(Self.path)/override/\(path)", token: alice, rule, on: loop)
                #expect(answer.status == 200, "\(path): \(answer.body)")
            }
            #expect(
                try await ids("override", client, alice, on: loop)
                    == ["second", "third", "fourth", "first"])
            // A rule that is written again moves to where it is asked to, or to the front.
            _ = try await client.request(
                "PUT", "\(Self.path)/override/first", token: alice, rule, on: loop)
            #expect(
                try await ids("override", client, alice, on: loop)
                    == ["first", "second", "third", "fourth"])
            let stored = try await client.request(
                "GET", "\(Self.path)/override/third", token: alice, on: loop)
            #expect(stored.body["conditions"] == rule["conditions"])
            #expect(stored.body["default"] == false)
            #expect(stored.body["enabled"] == true)
            #expect(try await ids("override", client, bob, on: loop) == [])
            _ = try await client.request(
                "DELETE", "\(Self.path)/override/second", token: alice, on: loop)
            #expect(
                try await ids("override", client, alice, on: loop) == ["first", "third", "fourth"])
        }
    }

    @Test func rulesOfAllKindsKeepWhatTheySay() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let rules: [(String, JSON, String)] = [
                ("content/cheese", ["actions": ["notify"], "pattern": "ch*se"], "content"),
                ("room/!a:test", Self.quiet, "room"),
                ("sender/@a%2Fb:test", Self.quiet, "sender"),
                ("underride/last", ["actions": ["notify"], "conditions": []], "underride"),
            ]
            for (path, rule, kind) in rules {
                let put = try await client.request(
                    "PUT", "\(Self.path)/\(path)", token: alice, rule, on: loop)
                #expect(put.status == 200, "\(path): \(put.body)")
                let got = try await client.request(
                    "GET", "\(Self.path)/\(path)", token: alice, on: loop)
                #expect(got.status == 200, "\(path)")
                for (key, value) in rule.objectValue ?? [:] {
                    #expect(got.body[key] == value, "\(path) \(key)")
                }
                #expect(try await ids(kind, client, alice, on: loop).count == 1)
            }
            let global = try await client.request(
                "GET", "\(Self.path)/", token: alice, on: loop)
            #expect(global.body["sender"]?.arrayValue?.first?["rule_id"] == "@a/b:test")
        }
    }

    @Test func rulesAreSwitchedAndGivenOtherActions() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            _ = try await client.request(
                "PUT", "\(Self.path)/content/x", token: alice,
                ["actions": ["notify"], "pattern": "x"], on: loop)
            for name in ["override/.m.rule.master", "content/x"] {
                let before = try await client.request(
                    "GET", "\(Self.path)/\(name)/enabled", token: alice, on: loop)
                let isOn = before.body["enabled"]?.boolValue == true
                let put = try await client.request(
                    "PUT", "\(Self.path)/\(name)/enabled", token: alice,
                    ["enabled": .bool(!isOn)], on: loop)
                #expect(put.status == 200)
                let after = try await client.request(
                    "GET", "\(Self.path)/\(name)", token: alice, on: loop)
                #expect(after.body["enabled"]?.boolValue == !isOn)
            }
            let sound: JSON = ["actions": ["notify", ["set_tweak": "sound", "value": "bell"]]]
            for name in ["underride/.m.rule.message", "content/x"] {
                let put = try await client.request(
                    "PUT", "\(Self.path)/\(name)/actions", token: alice, sound, on: loop)
                #expect(put.status == 200)
                let got = try await client.request(
                    "GET", "\(Self.path)/\(name)/actions", token: alice, on: loop)
                #expect(got.body == sound)
            }
            let changed = try await client.request(
                "GET", "\(Self.path)/underride/.m.rule.message", token: alice, on: loop)
            #expect(changed.body["conditions"]?.arrayValue?.count == 1, "they are the server's")
        }
    }

    @Test func whatIsNoRuleIsRefused() throws {
        try withAPI { client, loop in
            let alice = try await client.register("alice", on: loop)
            let long = String(repeating: "x", count: 256)
            let refusals: [(String, String, JSON, Int, String)] = [
                ("PUT", "override/x", [:], 400, "M_MISSING_PARAM"),
                ("PUT", "override/x", ["actions": "notify"], 400, "M_BAD_JSON"),
                ("PUT", "override/x", ["actions": ["explode"]], 400, "M_BAD_JSON"),
                ("PUT", "override/x", ["actions": [], "conditions": [1]], 400, "M_BAD_JSON"),
                ("PUT", "override/.x", Self.quiet, 400, "M_INVALID_PARAM"),
                ("PUT", "override/a%2Fb", Self.quiet, 400, "M_INVALID_PARAM"),
                ("PUT", "override/\(long)", Self.quiet, 400, "M_INVALID_PARAM"),
                ("PUT", "override/x?before=none", Self.quiet, 400, "M_UNKNOWN"),
                ("PUT", "override/x?after=.m.rule.master", Self.quiet, 400, "M_UNKNOWN"),
                ("PUT", "content/x", Self.quiet, 400, "M_MISSING_PARAM"),
                ("PUT", "content/x", ["actions": [], "pattern": 1], 400, "M_BAD_JSON"),
                ("PUT", "nothing/x", Self.quiet, 404, "M_NOT_FOUND"),
                ("DELETE", "override/x", [:], 404, "M_NOT_FOUND"),
                ("DELETE", "override/.m.rule.master", [:], 404, "M_NOT_FOUND"),
                ("PUT", "override/x/enabled", ["enabled": true], 404, "M_NOT_FOUND"),
                ("PUT", "override/.m.rule.master/enabled", [:], 400, "M_MISSING_PARAM"),
                ("PUT", "override/.m.rule.master/enabled", ["enabled": 1], 400, "M_BAD_JSON"),
                ("PUT", "override/x/actions", Self.quiet, 404, "M_NOT_FOUND"),
                ("PUT", "override/.m.rule.master/actions", [:], 400, "M_MISSING_PARAM"),
            ]
            for (method, path, body, status, code) in refusals {
                let answer = try await client.request(
                    method, "\(Self.path)/\(path)", token: alice, body, on: loop)
                #expect(answer.status == status, "\(method) \(path) \(body): \(answer.body)")
                #expect(answer.code == code, "\(method) \(path) \(body)")
            }
            for path in ["override/x", "override/x/enabled", "override/x/actions", "x/y"] {
                let answer = try await client.request(
                    "GET", "\(Self.path)/\(path)", token: alice, on: loop)
                #expect(answer.code == "M_NOT_FOUND", "\(path)")
            }
            for (method, path) in [
                ("GET", "/"), ("PUT", "/override/x"), ("DELETE", "/override/x"),
                ("GET", "/override/x"), ("GET", "/override/x/enabled"),
                ("PUT", "/override/x/enabled"), ("GET", "/override/x/actions"),
                ("PUT", "/override/x/actions"),
            ] {
                let body: JSON? = method == "PUT" ? Self.quiet : nil
                let answer = try await client.request(method, Self.path + path, body, on: loop)
                #expect(answer.code == "M_MISSING_TOKEN", "\(method) \(path)")
            }
            let junk = try await client.request(
                "PUT", "\(Self.path)/override/x", token: alice, bytes: Array("{".utf8), on: loop)
            #expect(junk.code == "M_NOT_JSON")
        }
    }
}
