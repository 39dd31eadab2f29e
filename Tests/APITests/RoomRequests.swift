import JSON
import Reactor
import Testing

@testable import API

extension Client {
    /// Sends an event. Returns its id.
    func send(
        _ content: JSON, type: String = "m.room.message", to room: String, token: String,
        on loop: isolated EventLoop
    ) async throws -> String {
        serial += 1
        let answer = try await request(
            "PUT", "/_matrix/client/v3/rooms/\(room)/send/\(type)/x\(serial)", token: token,
            content, on: loop)
        return try #require(answer.body["event_id"]?.stringValue, "\(answer.body)")
    }

    /// Sends a text, related to another event if that is given.
    func say(
        _ text: String, relating relation: JSON? = nil, to room: String, token: String,
        on loop: isolated EventLoop
    ) async throws -> String {
        var content: JSON = ["msgtype": "m.text", "body": .string(text)]
        content["m.relates_to"] = relation
        return try await send(content, to: room, token: token, on: loop)
    }

    /// Edits a text.
    func edit(
        _ event: String, to text: String, in room: String, token: String,
        on loop: isolated EventLoop
    ) async throws -> String {
        try await send(
            [
                "msgtype": "m.text", "body": .string("* \(text)"),
                "m.new_content": ["msgtype": "m.text", "body": .string(text)],
                "m.relates_to": ["rel_type": "m.replace", "event_id": .string(event)],
            ], to: room, token: token, on: loop)
    }

    /// Sets a piece of state.
    func set(
        _ type: String, _ content: JSON, in room: String, token: String,
        on loop: isolated EventLoop
    ) async throws {
        let answer = try await request(
            "PUT", "/_matrix/client/v3/rooms/\(room)/state/\(type)", token: token, content,
            on: loop)
        #expect(answer.status == 200, "\(answer.body)")
    }

    /// Asks something of a room.
    func get(
        _ path: String, of room: String, version: String = "v3", token: String,
        on loop: isolated EventLoop
    ) async throws -> Answer {
        try await request(
            "GET", "/_matrix/client/\(version)/rooms/\(room)/\(path)", token: token, on: loop)
    }

    /// Asks something of a room, or in general, with an empty or other body.
    func post(
        _ path: String, token: String, _ body: JSON = [:], on loop: isolated EventLoop
    ) async throws -> Answer {
        try await request("POST", "/_matrix/client/v3/\(path)", token: token, body, on: loop)
    }
}

extension Answer {
    /// The ids of the events under a key.
    func ids(_ key: String = "chunk") -> [String] {
        body[key]?.arrayValue?.compactMap { $0["event_id"]?.stringValue } ?? []
    }
}
