;; Allocates table elements on demand. An item that contains `"tables"`, including the quotes, allocates elements until that
;; fails, and then traps. `"tables-` tries to allocate in an endless loop. `"tables+` allocates 5,000 elements, and traps if
;; that fails.
(table $table 1 funcref)

(func $inspect (param $items i32) (param $count i32)
  (local $at i32) (local $end i32) (local $word i64)
  (block $done
    (loop $next_item
      (br_if $done (i32.eqz (local.get $count)))
      (local.set $at (i32.load (local.get $items)))
      (local.set $end (i32.add (local.get $at) (i32.load offset=4 (local.get $items))))
      (block $no_more
        (loop $next_byte
          (br_if $no_more (i32.gt_u (i32.add (local.get $at) (i32.const 8)) (local.get $end)))
          (local.set $word (i64.load align=1 (local.get $at)))
          (if (i64.eq (local.get $word) (i64.const 0x2273656c62617422)) ;; `"tables"`
            (then (loop $more (br_if $more (call $allocate))) (unreachable)))
          (if (i64.eq (local.get $word) (i64.const 0x2d73656c62617422)) ;; `"tables-`
            (then (loop $again (drop (call $allocate)) (br $again))))
          (if (i64.eq (local.get $word) (i64.const 0x2b73656c62617422)) ;; `"tables+`
            (then (call $allocate_5000)))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next_byte)))
      (local.set $items (i32.add (local.get $items) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next_item))))

(func $allocate (result i32)
  (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1)))

(func $allocate_5000
  (local $left i32)
  (local.set $left (i32.const 5))
  (loop $more
    (if (i32.eqz (call $allocate)) (then (unreachable)))
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (br_if $more (local.get $left))))
