;; A validator that never objects, written by hand. The builder replaces MEMORY, ITEMS and LAST. ITEMS defines $inspect, which
;; gets the list of items. LAST follows the module.
(component
  (import "bulkhead:contacts/types@1.0.0" (instance $types
    (type $operation' (enum "create" "replace" "update"))
    (export "operation" (type $operation (eq $operation')))
    (type $choice' (record (field "label" string) (field "value" string)))
    (export "choice" (type $choice (eq $choice')))
    (type $field' (record
      (field "alias" string) (field "label" string) (field "kind" string) (field "group" string)
      (field "choices" (list $choice)) (field "is-required" bool) (field "is-unique" bool)
      (field "max-length" (option u32)) (field "scale" (option u32))))
    (export "field" (type $field (eq $field')))
    (type $owner' (record
      (field "id" u64) (field "username" string) (field "first-name" string) (field "last-name" string)))
    (export "owner" (type $owner (eq $owner')))
    (type $named' (record (field "id" u64) (field "name" string)))
    (export "named" (type $named (eq $named')))
    (type $profile' (record
      (field "fields" (list $field)) (field "max-length" u32) (field "owners" (list $owner))
      (field "stages" (list $named)) (field "companies" (list $named)) (field "now" string)
      (field "settings" (list (tuple string string)))))
    (export "profile" (type $profile (eq $profile')))
    (type $objection' (record (field "index" u32) (field "field" string) (field "message" string)))
    (export "objection" (type $objection (eq $objection')))))
  (alias export $types "operation" (type $operation))
  (alias export $types "profile" (type $profile))
  (alias export $types "objection" (type $objection))

  (core module $module
    (memory (export "memory") MEMORY)
    (global $heap (mut i32) (i32.const 1024))

    ;; Never frees single blocks. "done" frees all memory at once after a call.
    (func (export "realloc")
      (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32) (local $lack i32)
      (local.set $at
        (i32.and
          (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $heap (i32.add (local.get $at) (local.get $size)))
      (local.set $lack
        (i32.sub (i32.shr_u (i32.add (global.get $heap) (i32.const 65535)) (i32.const 16)) (memory.size)))
      (if (i32.gt_s (local.get $lack) (i32.const 0))
        (then (if (i32.eq (memory.grow (local.get $lack)) (i32.const -1)) (then (unreachable)))))
      (memory.copy (local.get $at) (local.get $old) (local.get $old_size))
      (local.get $at))

    ;; The parameters are the operation, 13 words of the profile, and the items. The result is the empty list: two words of 0 at 8.
    (func (export "check")
      (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
      (param $items i32) (param $count i32) (result i32)
      (call $inspect (local.get $items) (local.get $count))
      (i32.const 8))

    (func (export "done") (param i32)
      (global.set $heap (i32.const 1024)))

    ITEMS
  )
  (core instance $instance (instantiate $module))

  (func $check
    (param "operation" $operation) (param "profile" $profile) (param "items" (list string))
    (result (list $objection))
    (canon lift (core func $instance "check")
      (memory $instance "memory") (realloc (func $instance "realloc")) (post-return (func $instance "done"))))
  (instance $validation (export "check" (func $check)))
  (export "bulkhead:contacts/validation@1.0.0" (instance $validation))
  LAST
)
