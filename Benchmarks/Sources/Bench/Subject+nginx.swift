import Foundation

extension Subject {
    /// A private nginx with one worker, which answers by itself and logs nothing.
    static var nginx: Subject {
        Subject("nginx") { lab, port in
            let folder = try lab.folder("nginx")
            let configuration = """
                daemon off;
                master_process off;
                worker_processes 1;
                pid \(folder)/nginx.pid;
                error_log \(folder)/error.log crit;
                worker_rlimit_nofile 20000;
                events { worker_connections 16384; multi_accept on; use epoll; }
                http {
                  access_log off;
                  server_tokens off;
                  keepalive_requests 1000000000;
                  keepalive_timeout 600s;
                  tcp_nodelay on;
                  default_type text/plain;
                  client_body_temp_path \(folder);
                  proxy_temp_path \(folder);
                  fastcgi_temp_path \(folder);
                  uwsgi_temp_path \(folder);
                  scgi_temp_path \(folder);
                  server {
                    listen 127.0.0.1:\(port) backlog=4096;
                    location = / { return 200 "Hello, World!"; }
                  }
                }

                """
            let file = try lab.file("nginx/nginx.conf", configuration)
            return [lab.options.nginx, "-p", folder, "-c", file, "-e", "\(folder)/error.log"]
        }
    }
}
