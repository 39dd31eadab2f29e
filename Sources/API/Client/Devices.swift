import HTTPServer
import HTTPWire
import JSON
import Services
import Storage

extension ClientEndpoint {
    /// `GET /_matrix/client/{r0|v3}/devices`
    static let devices = ClientEndpoint(.get, "/devices", .second) { request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let devices = try await context.services.devices.devices(
            userID: requester.userID, on: loop)
        return .json(["devices": .array(devices.map(\.json))])
    }

    /// `GET /_matrix/client/{r0|v3}/devices/{deviceId}`
    static let device = ClientEndpoint(.get, "/devices/{deviceId}", .second) {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let device = try await context.services.devices.device(
            request.path("deviceId"), userID: requester.userID, on: loop)
        return .json(device.json)
    }

    /// `PUT /_matrix/client/{r0|v3}/devices/{deviceId}`
    static let putDevice = ClientEndpoint(.put, "/devices/{deviceId}", .second) {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let body = try request.body()
        let devices = context.services.devices
        let deviceID = request.path("deviceId")
        guard let value = body["display_name"] else {
            // Nothing is to be changed, if there is such a device.
            _ = try await devices.device(deviceID, userID: requester.userID, on: loop)
            return .emptyObject
        }
        guard let name = value.stringValue else {
            throw MatrixError.badJSON("display_name must be a string")
        }
        try await devices.rename(deviceID, userID: requester.userID, to: name, on: loop)
        return .emptyObject
    }

    /// `DELETE /_matrix/client/{r0|v3}/devices/{deviceId}`
    static let deleteDevice = ClientEndpoint(.delete, "/devices/{deviceId}", .second) {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        try await context.services.accounts.proveOwner(
            try request.interactive(mayBeEmpty: true), requester.owner, on: loop)
        try await context.services.devices.remove(
            [request.path("deviceId")], userID: requester.userID, on: loop)
        return .emptyObject
    }

    /// `POST /_matrix/client/{r0|v3}/delete_devices`
    static let deleteDevices = ClientEndpoint(.post, "/delete_devices", .second) {
        request, context, loop in
        let requester = try await context.requester(of: request, on: loop)
        let interactive = try request.interactive()
        guard let value = interactive.body["devices"] else {
            throw MatrixError.missingParameter("devices")
        }
        let ids = value.arrayValue?.compactMap(\.stringValue)
        guard let ids, ids.count == value.arrayValue?.count, ids.count <= 1000 else {
            throw MatrixError.badJSON("devices must be a list of at most 1000 device ids")
        }
        try await context.services.accounts.proveOwner(interactive, requester.owner, on: loop)
        try await context.services.devices.remove(ids, userID: requester.userID, on: loop)
        return .emptyObject
    }
}

extension Devices.Device {
    /// What its owner is told of it.
    fileprivate var json: JSON {
        var item: JSON = ["device_id": .string(deviceID)]
        item["display_name"] = displayName.map { .string($0) }
        item["last_seen_ts"] = lastSeen.map { .integer($0) }
        item["last_seen_ip"] = address.map { .string($0) }
        return item
    }
}
