import HTTPServer
import HTTPWire
import JSON
import Services

extension ClientEndpoint {
    /// `POST /_matrix/client/{r0|v3}/user/{userId}/filter`
    static let postFilter = ClientEndpoint(.post, "/user/{userId}/filter", .second) {
        request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        let id = try await context.services.profiles.storeFilter(
            try request.body(), userID: requester.userID, on: loop)
        return .json(["filter_id": .string(id)])
    }

    /// `GET /_matrix/client/{r0|v3}/user/{userId}/filter/{filterId}`
    static let getFilter = ClientEndpoint(.get, "/user/{userId}/filter/{filterId}", .second) {
        request, context, loop in
        let requester = try await context.requester(
            of: request, being: request.path("userId"), on: loop)
        let filter = try await context.services.profiles.filter(
            request.path("filterId"), userID: requester.userID, on: loop)
        return .json(filter)
    }
}
