import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `PUT /_matrix/client/{r0|v3}/user/{userId}/account_data/{type}`
    static let putAccountData = ClientEndpoint(
        .put, "/user/{userId}/account_data/{type}", .second
    ) { request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        try await context.services.accountData.put(
            try request.body(), type: request.path("type"), userID: requester.userID,
            roomID: nil, on: loop)
        return .emptyObject
    }

    /// `GET /_matrix/client/{r0|v3}/user/{userId}/account_data/{type}`
    static let getAccountData = ClientEndpoint(
        .get, "/user/{userId}/account_data/{type}", .second
    ) { request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        let content = try await context.services.accountData.content(
            type: request.path("type"), userID: requester.userID, roomID: nil, on: loop)
        return .json(content)
    }

    /// `PUT /_matrix/client/{r0|v3}/user/{userId}/rooms/{roomId}/account_data/{type}`
    static let putRoomAccountData = ClientEndpoint(
        .put, "/user/{userId}/rooms/{roomId}/account_data/{type}", .second
    ) { request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        try await context.services.accountData.put(
            try request.body(), type: request.path("type"), userID: requester.userID,
            roomID: try request.roomID(), on: loop)
        return .emptyObject
    }

    /// `GET /_matrix/client/{r0|v3}/user/{userId}/rooms/{roomId}/account_data/{type}`
    static let getRoomAccountData = ClientEndpoint(
        .get, "/user/{userId}/rooms/{roomId}/account_data/{type}", .second
    ) { request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        let content = try await context.services.accountData.content(
            type: request.path("type"), userID: requester.userID,
            roomID: request.path("roomId"), on: loop)
        return .json(content)
    }
}
